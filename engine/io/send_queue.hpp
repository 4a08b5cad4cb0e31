// What the kernel holds of the bytes that were sent on a socket. Any thread.
#pragma once

#include <cstdint>
#include <optional>

namespace sluice::io {

// SIOCOUTQ: of TCP, bytes that the peer's kernel has not acknowledged (tcp(7)); of a Unix socket, memory of what the
// peer has not read (unix(7)). Null where the kernel does not tell, as for the descriptor -1.
[[nodiscard]] std::optional<std::uint64_t> send_queue_bytes(int socket_fd);

}  // namespace sluice::io
