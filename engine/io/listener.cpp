#include "engine/io/listener.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>

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

// Its length is 0 where the descriptor is no socket.
Address address_of(int fd) {
    Address address;
    address.length = sizeof address.storage;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0) return {};
    return address;
}

bool is_unix(const Address& address) { return address.storage.ss_family == AF_UNIX; }

bool is_loopback(const Address& address) {
    if (address.storage.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_addr);
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
    return address.storage.ss_family == AF_INET && ntohl(v4.sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
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
                          (settings.is_claim_only || ::listen(socket.get(), limits::listen_backlog_count) == 0);
    const int error = errno;
    if (!is_ready) return failed(where, std::strerror(error), error);
    return socket;
}

// POLLIN of a listening socket (accept(2)): its queue is not empty.
bool has_waiting(int listener_fd) {
    pollfd waiting{listener_fd, POLLIN, 0};
    return ::poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLIN) != 0;
}

void drop_handshakes(const Descriptor& listener) {
    // A filter of a TCP socket sees the packet from its TCP header on. Byte 13 has the flags (RFC 9293 section 3.1).
    // The answer of a client whose handshake has begun has ACK, but not SYN.
    constexpr std::uint32_t flags_offset = 13;
    constexpr std::uint32_t syn = 0x02;
    constexpr std::uint32_t whole_packet = 0xffff'ffff;
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, flags_offset),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, syn, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, whole_packet),
    };
    if (is_unix(address_of(listener.get()))) return;
    const sock_fprog filter{std::size(program), program};
    // Where it fails, a client that connects in the last moment may be reset.
    static_cast<void>(::setsockopt(listener.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter));
}

std::uint64_t handshake_ns_max(const Descriptor& listener) {
    // Its last packet comes a round trip after the first one: this much of it is waited for.
    constexpr std::uint64_t near_ns = 2'000'000;
    constexpr std::uint64_t far_ns = 100'000'000;
    const Address address = address_of(listener.get());
    if (is_unix(address)) return 0;
    return is_loopback(address) ? near_ns : far_ns;
}

std::uint16_t port_of(const Descriptor& listener) {
    const Address address = address_of(listener.get());
    CHECK(address.length != 0);
    return address.storage.ss_family == AF_INET6
               ? ntohs(reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_port)
               : ntohs(reinterpret_cast<const sockaddr_in&>(address.storage).sin_port);
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
