#include "engine/io/listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"

namespace sluice::io {
namespace {

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;
};

bool parse_address(const ListenerSettings& settings, Address& address) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
    if (::inet_pton(AF_INET, settings.address.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(settings.port);
        address.length = sizeof v4;
        return true;
    }
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
    if (::inet_pton(AF_INET6, settings.address.c_str(), &v6.sin6_addr) != 1) return false;
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(settings.port);
    address.length = sizeof v6;
    return true;
}

// Accepted sockets inherit TCP_NODELAY: answers are small and leave in one send, so waiting gains nothing.
bool set_options(int fd, bool is_shared) {
    const int on = 1;
    return ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           (!is_shared || ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
           ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
}

}  // namespace

std::expected<int, ListenError> open_listener(const ListenerSettings& settings) {
    const auto failed = [&settings](const char* what, int error = 0) {
        return std::unexpected(
            ListenError{"cannot listen on " + settings.address + " port " + std::to_string(settings.port) + ": " + what,
                        error == EADDRINUSE});
    };
    Address address;
    if (!parse_address(settings, address)) return failed("not a numeric address");
    const int fd = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return failed(std::strerror(errno));
    if (!set_options(fd, settings.is_shared) ||
        ::bind(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.length) != 0 ||
        ::listen(fd, limits::listen_backlog_count) != 0) {
        const int error = errno;
        ::close(fd);
        return failed(std::strerror(error), error);
    }
    return fd;
}

std::uint16_t port_of(int listener_fd) {
    Address address;
    address.length = sizeof address.storage;
    CHECK(::getsockname(listener_fd, reinterpret_cast<sockaddr*>(&address.storage), &address.length) == 0);
    return address.storage.ss_family == AF_INET6 ? ntohs(reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port)
                                                 : ntohs(reinterpret_cast<sockaddr_in&>(address.storage).sin_port);
}

}  // namespace sluice::io
