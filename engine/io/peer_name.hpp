// Who is at the other end of a connected socket. Any thread.
#pragma once

#include <string>

namespace sluice::io {

// `127.0.0.1:50000`, `[::1]:50000`, `unix`; `unknown` where the kernel does not tell.
[[nodiscard]] std::string peer_name(int socket_fd);

}  // namespace sluice::io
