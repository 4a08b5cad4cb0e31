#include "engine/io/peer_name.hpp"

#include <netdb.h>
#include <sys/socket.h>

namespace sluice::io {

std::string peer_name(int socket_fd) {
    sockaddr_storage address{};
    socklen_t bytes = sizeof address;
    if (::getpeername(socket_fd, reinterpret_cast<sockaddr*>(&address), &bytes) != 0) return "unknown";
    if (address.ss_family == AF_UNIX) return "unix";
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    // Numeric: nothing is looked up.
    if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address), bytes, host, sizeof host, port, sizeof port,
                      NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return "unknown";
    const std::string name = address.ss_family == AF_INET6 ? "[" + std::string(host) + "]" : host;
    return name + ":" + port;
}

}  // namespace sluice::io
