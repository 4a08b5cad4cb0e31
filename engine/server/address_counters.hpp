// What a server counts of addresses. Its thread's; copies anywhere.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice {

// What became of the header of the PROXY protocol that a connection had to begin with.
enum class ProxyOutcome : std::uint8_t {
    v1,
    v2,
    untrusted,  // the peer is not in proxy.trusted
    malformed,
    too_long,
    checksum,
    timeout,  // http.header_timeout
    closed,   // the connection ended before
};
inline constexpr std::array<std::string_view, 8> proxy_outcome_words{"v1",       "v2",       "untrusted", "malformed",
                                                                     "too_long", "checksum", "timeout",   "closed"};
static_assert(static_cast<std::size_t>(ProxyOutcome::closed) + 1 == proxy_outcome_words.size());

struct AddressCounters {
    std::uint64_t proxy_headers[proxy_outcome_words.size()] = {};
    std::uint64_t connections_refused = 0;  // of an address that had http.connections_per_address_max

    void count(ProxyOutcome outcome) { ++proxy_headers[static_cast<std::size_t>(outcome)]; }
};

}  // namespace sluice
