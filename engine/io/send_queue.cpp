#include "engine/io/send_queue.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>

namespace sluice::io {

std::optional<std::uint64_t> send_queue_bytes(int socket_fd) {
    int bytes = 0;
    if (::ioctl(socket_fd, SIOCOUTQ, &bytes) != 0) return std::nullopt;
    return static_cast<std::uint64_t>(bytes);
}

}  // namespace sluice::io
