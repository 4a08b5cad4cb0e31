#include "tools/load/run/resolve.hpp"

#include <netdb.h>

#include <cstring>
#include <memory>

namespace sluice::load {

std::expected<std::vector<ServerAddress>, std::string> resolve(const Target& target) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(target.host.c_str(), std::to_string(target.port).c_str(), &hints, &found);
    if (error != 0) return std::unexpected("no address is known for " + target.host + ": " + ::gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
    std::vector<ServerAddress> addresses;
    // The first family only: of a name with IPv6 and IPv4, a server often listens on one.
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
        if (one->ai_family != found->ai_family) continue;
        ServerAddress address;
        std::memcpy(&address.bytes, one->ai_addr, one->ai_addrlen);
        address.bytes_count = one->ai_addrlen;
        addresses.push_back(address);
    }
    return addresses;
}

}  // namespace sluice::load
