#include "tools/load/run/resolve.hpp"

#include <netdb.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "engine/core/descriptor.hpp"

namespace sluice::load {
namespace {

// An address that does not answer within this time is not used.
constexpr int answer_ms_max = 1000;

bool takes_a_connection(const ServerAddress& address) {
    const Descriptor attempt(::socket(address.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!attempt.is_open()) return false;
    int error = 0;
    if (::connect(attempt.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.bytes_count) != 0)
        error = errno;
    pollfd writable{.fd = attempt.get(), .events = POLLOUT, .revents = 0};
    if (error == EINPROGRESS && ::poll(&writable, 1, answer_ms_max) == 1) {
        socklen_t error_bytes = sizeof error;
        ::getsockopt(attempt.get(), SOL_SOCKET, SO_ERROR, &error, &error_bytes);
    }
    return error == 0;
}

// In the order of the system, which prefers the first ones.
std::vector<Addresses> by_family(const addrinfo* found) {
    std::vector<Addresses> families;
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
        const auto same = std::find_if(families.begin(), families.end(), [&](const Addresses& family) {
            return family.front().bytes.ss_family == one->ai_family;
        });
        Addresses& family = same != families.end() ? *same : families.emplace_back();
        ServerAddress& address = family.emplace_back();
        std::memcpy(&address.bytes, one->ai_addr, one->ai_addrlen);
        address.bytes_count = one->ai_addrlen;
    }
    return families;
}

}  // namespace

Addresses choose_family(const std::vector<Addresses>& families) {
    if (families.size() == 1 && families.front().size() == 1) return families.front();
    for (Addresses family : families) {
        std::erase_if(family, [](const ServerAddress& address) { return !takes_a_connection(address); });
        if (!family.empty()) return family;
    }
    return families.front();
}

std::expected<Addresses, std::string> resolve(const Target& target) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(target.host.c_str(), std::to_string(target.port).c_str(), &hints, &found);
    if (error != 0) return std::unexpected("no address is known for " + target.host + ": " + ::gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
    return choose_family(by_family(found));
}

}  // namespace sluice::load
