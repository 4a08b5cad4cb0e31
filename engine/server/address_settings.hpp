// What a server makes of addresses: which proxies it believes, and how many connections an address may have. A value.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/ip_address.hpp"

namespace sluice {

class AddressConnections;

struct AddressSettings {
    std::vector<IpNetwork> trusted{};  // proxy.trusted
    bool takes_proxy_header = false;   // proxy.protocol: each connection begins with one
    std::uint64_t header_timeout_ns = 0;  // from when a connection was accepted until that is there
    AddressConnections* connections = nullptr;  // shared by the servers; null: there is no bound
};

}  // namespace sluice
