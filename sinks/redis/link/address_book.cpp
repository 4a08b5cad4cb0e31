#include "sinks/redis/link/address_book.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace sluice::sinks::redis {
namespace {

std::string numeric(const addrinfo& found) {
    std::array<char, NI_MAXHOST> text{};
    const int error =
        ::getnameinfo(found.ai_addr, found.ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
    return error == 0 ? std::string(text.data()) : std::string();
}

}  // namespace

std::expected<Addresses, std::string> resolve_by_system(const std::string& host) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (error == EAI_SYSTEM) return std::unexpected(std::strerror(errno));
    if (error != 0) return std::unexpected(::gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
    Addresses addresses;
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
        std::string address = numeric(*one);
        const bool is_known = std::ranges::find(addresses, address) != addresses.end();
        if (!address.empty() && !is_known) addresses.push_back(std::move(address));
    }
    if (addresses.empty()) return std::unexpected("the name has no address");
    return addresses;
}

std::expected<Addresses, std::string> AddressBook::find(const ServerAddress& server) {
    auto addresses = resolve_(server.host);
    if (!addresses || addresses->size() < 2) return addresses;
    const auto known = memories_.find(text_of(server));
    if (known == memories_.end()) return addresses;
    const Memory& memory = known->second;
    const auto rank = [&](const std::string& address) {
        if (address == memory.last_good) return std::ptrdiff_t{-1};
        const auto useless = std::ranges::find(memory.useless, address);
        return useless == memory.useless.end() ? std::ptrdiff_t{0} : 1 + (useless - memory.useless.begin());
    };
    std::ranges::stable_sort(*addresses, {}, rank);
    return addresses;
}

void AddressBook::worked(const ServerAddress& server, const std::string& address) {
    Memory* const memory = memory_of(server, address);
    if (memory == nullptr) return;
    memory->last_good = address;
    std::erase(memory->useless, address);
}

void AddressBook::was_useless(const ServerAddress& server, const std::string& address) {
    Memory* const memory = memory_of(server, address);
    if (memory == nullptr) return;
    if (memory->last_good == address) memory->last_good.clear();
    std::erase(memory->useless, address);
    if (memory->useless.size() == names_count_max) memory->useless.erase(memory->useless.begin());
    memory->useless.push_back(address);
}

AddressBook::Memory* AddressBook::memory_of(const ServerAddress& server, const std::string& address) {
    if (server.host == address || address.empty()) return nullptr;
    if (memories_.size() == names_count_max && !memories_.contains(text_of(server))) memories_.clear();
    return &memories_[text_of(server)];
}

}  // namespace sluice::sinks::redis
