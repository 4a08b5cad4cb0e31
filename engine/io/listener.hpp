// Listening sockets: a numeric address and port, or the path of a Unix socket, to a descriptor that is ready for
// Loop::listen(). Any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

#include "engine/core/descriptor.hpp"

namespace sluice::io {

struct ListenerSettings {
    std::string address;       // numeric, IPv4 or IPv6 without brackets
    std::uint16_t port;        // 0: the kernel chooses
    bool is_shared = false;    // SO_REUSEPORT: one listener for each reactor, the kernel spreads connections
    bool is_v6_only = false;   // of an IPv6 address: leaves the port of IPv4 to another listener
    // Is bound, but does not listen: it finds out whether another program listens there, while clients are refused as
    // if it were not there. One that listened for a moment would reset those that connected.
    bool is_claim_only = false;
};

struct ListenError {
    std::string sentence;  // with the address in it
    bool is_in_use = false;  // another socket has the port or the path
    bool is_absent = false;  // this machine has no such address, or not its family
};

[[nodiscard]] std::expected<Descriptor, ListenError> open_listener(const ListenerSettings& settings);

// Whether a client waits to be accepted. False where the kernel cannot tell.
[[nodiscard]] bool has_waiting(int listener_fd);

// The kernel drops, from now on, each first packet of a client (SYN) that arrives at a TCP listener, so that nobody is
// added to its backlog but those whose handshake has begun. Such a client tries again after a second (RFC 6298 section
// 2), when the listener is closed, and is refused then. Closing a listener at once would reset those in its backlog.
// Nothing happens for a Unix socket.
void drop_handshakes(const Descriptor& listener);

// How long a handshake that has begun may take to arrive in the backlog (ns). 0 for a Unix socket, which has none.
[[nodiscard]] std::uint64_t handshake_ns_max(const Descriptor& listener);

// The port that a listener is bound to.
[[nodiscard]] std::uint16_t port_of(const Descriptor& listener);

// SocketFile: owns the file of a listening Unix socket, and removes it at its end, unless another program has replaced
// it meanwhile. Moved, never copied.
class SocketFile {
  public:
    SocketFile() = default;
    // Takes over the file at `path`, which is there.
    explicit SocketFile(std::string path);
    ~SocketFile() { remove(); }
    SocketFile(SocketFile&& other) noexcept : path_(std::exchange(other.path_, {})), file_(std::move(other.file_)) {}
    SocketFile& operator=(SocketFile&& other) noexcept;
    SocketFile(const SocketFile&) = delete;
    SocketFile& operator=(const SocketFile&) = delete;

  private:
    void remove();

    std::string path_;  // empty: none
    Descriptor file_;  // O_PATH: keeps the file's number from being given to another one
};

struct UnixListener {
    Descriptor socket;
    SocketFile file;
};

// Who may connect: the owner and the group of the file.
inline constexpr unsigned socket_file_mode_bits = 0660;

// A socket file at `path` to which nobody listens is what a program that was killed left behind: it is replaced. Any
// other file there is an error.
[[nodiscard]] std::expected<UnixListener, ListenError> open_unix_listener(const std::string& path);

}  // namespace sluice::io
