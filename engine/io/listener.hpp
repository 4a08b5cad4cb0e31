// Listening sockets: numeric address and port to a descriptor that is ready for Loop::listen().
#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace sluice::io {

struct ListenerSettings {
    std::string address;      // numeric, IPv4 or IPv6 without brackets
    std::uint16_t port;       // 0: the kernel chooses
    bool is_shared = false;   // SO_REUSEPORT: one listener for each reactor, the kernel spreads connections
};

struct ListenError {
    std::string sentence;    // with the address in it
    bool is_in_use = false;  // another socket has the port
};

[[nodiscard]] std::expected<int, ListenError> open_listener(const ListenerSettings& settings);

// The port that a listener is bound to.
[[nodiscard]] std::uint16_t port_of(int listener_fd);

}  // namespace sluice::io
