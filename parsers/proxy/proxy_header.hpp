// The header of the PROXY protocol, with which a proxy begins a connection to tell for whom it is.
//
//   version 1: `PROXY TCP4 192.0.2.1 198.51.100.2 5123 443\r\n`, TCP6, or `PROXY UNKNOWN ...\r\n`
//   version 2: 12 bytes of signature, version and command, family, length (16 bits), addresses, fields (TLV)
//
// Source: The PROXY protocol, versions 1 & 2 (haproxy.org, doc/proxy-protocol.txt), sections 2.1 and 2.2. Values. Any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "engine/core/ip_address.hpp"

namespace sluice::parsers {

// Of version 1, with its CRLF: section 2.1.
inline constexpr std::size_t proxy_line_bytes_max = 107;
// Of version 2. The length has 16 bits; senders add names and a certificate's subject at most.
inline constexpr std::size_t proxy_header_bytes_max = 4096;

struct ProxyHeader {
    struct Source {
        IpAddress address;
        std::uint16_t port = 0;
    };
    std::uint8_t version = 0;  // 1 or 2
    // Who has connected to the proxy. Nothing: the proxy itself has, or it cannot say (LOCAL, UNKNOWN, other families).
    std::optional<Source> source{};
    std::size_t bytes = 0;  // of the header; what follows is the client's
};

enum class ProxyFault : std::uint8_t {
    malformed,
    too_long,  // a version 2 header of more than proxy_header_bytes_max
    checksum,  // its CRC-32C is another one
};

struct ProxyResult {
    enum class State : std::uint8_t { need_more, complete, faulty };
    State state = State::need_more;
    ProxyHeader header{};  // complete
    ProxyFault fault{};  // faulty
};

// `bytes`: all that has come of the connection so far. At most proxy_header_bytes_max of them are looked at, so the
// caller keeps no more than that.
[[nodiscard]] ProxyResult parse_proxy_header(std::span<const char> bytes);

}  // namespace sluice::parsers
