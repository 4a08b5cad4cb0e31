#include "engine/io/listener.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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
bool set_options(int fd, const ListenerSettings& settings) {
    const int on = 1;
    return ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           (!settings.is_shared || ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
           (!settings.is_v6_only || ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
           ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
}

std::unexpected<ListenError> failed(const std::string& where, const std::string& why, int error = 0) {
    return std::unexpected(ListenError{"cannot listen on " + where + ": " + why, error == EADDRINUSE,
                                       error == EADDRNOTAVAIL || error == EAFNOSUPPORT});
}

// --- Unix sockets ---

bool parse_path(const std::string& path, Address& address) {
    auto& local = reinterpret_cast<sockaddr_un&>(address.storage);
    if (path.empty() || path.size() >= sizeof local.sun_path) return false;
    local.sun_family = AF_UNIX;
    std::memcpy(local.sun_path, path.c_str(), path.size() + 1);
    address.length = sizeof local;
    return true;
}

// What stands where a listener's file is to be made.
enum class Occupant {
    listener,  // somebody answers, or may be about to
    leftover,  // a socket whose program is gone
    other,     // no socket
    none,
};

Occupant occupant_of(const std::string& path, const Address& address) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) return Occupant::none;
    if (!S_ISSOCK(status.st_mode)) return Occupant::other;
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe.is_open()) return Occupant::listener;
    const int result = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length);
    return result != 0 && errno == ECONNREFUSED ? Occupant::leftover : Occupant::listener;
}

// errno after a failure.
bool bind_to(const Descriptor& socket, const Address& address) {
    return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) == 0;
}

}  // namespace

std::expected<Descriptor, ListenError> open_listener(const ListenerSettings& settings) {
    const std::string where = settings.address + " port " + std::to_string(settings.port);
    Address address;
    if (!parse_address(settings, address)) return failed(where, "not a numeric address");
    Descriptor socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const bool is_ready = socket.is_open() && set_options(socket.get(), settings) && bind_to(socket, address) &&
                          ::listen(socket.get(), limits::listen_backlog_count) == 0;
    const int error = errno;
    if (!is_ready) return failed(where, std::strerror(error), error);
    return socket;
}

std::uint16_t port_of(const Descriptor& listener) {
    Address address;
    address.length = sizeof address.storage;
    CHECK(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.length) == 0);
    return address.storage.ss_family == AF_INET6 ? ntohs(reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port)
                                                 : ntohs(reinterpret_cast<sockaddr_in&>(address.storage).sin_port);
}

std::expected<UnixListener, ListenError> open_unix_listener(const std::string& path) {
    Address address;
    if (!parse_path(path, address)) return failed(path, "the path is too long for a Unix socket");
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    bool is_bound = socket.is_open() && bind_to(socket, address);
    int error = errno;
    if (!is_bound && error == EADDRINUSE) {
        switch (occupant_of(path, address)) {
            case Occupant::listener: return failed(path, "another program listens there", error);
            case Occupant::other: return failed(path, "there is a file that is no socket");
            case Occupant::leftover: ::unlink(path.c_str()); break;
            case Occupant::none: break;
        }
        is_bound = bind_to(socket, address);
        error = errno;
    }
    if (!is_bound) return failed(path, std::strerror(error), error);
    SocketFile file(path);
    // Before listen(2), so that nobody connects under the mode that the umask left.
    const bool is_ready =
        ::chmod(path.c_str(), socket_file_mode_bits) == 0 && ::listen(socket.get(), limits::listen_backlog_count) == 0;
    error = errno;
    if (!is_ready) return failed(path, std::strerror(error), error);
    return UnixListener{std::move(socket), std::move(file)};
}

// --- SocketFile ---

SocketFile::SocketFile(std::string path)
    : path_(std::move(path)), file_(::open(path_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)) {}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
    if (this == &other) return *this;
    remove();
    path_ = std::exchange(other.path_, {});
    file_ = std::move(other.file_);
    return *this;
}

void SocketFile::remove() {
    struct stat ours{};
    struct stat there{};
    const bool is_ours = file_.is_open() && ::fstat(file_.get(), &ours) == 0 && ::lstat(path_.c_str(), &there) == 0 &&
                         there.st_dev == ours.st_dev && there.st_ino == ours.st_ino;
    if (is_ours) ::unlink(path_.c_str());
    path_.clear();
    file_.reset();
}

}  // namespace sluice::io
