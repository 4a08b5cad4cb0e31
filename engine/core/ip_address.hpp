// IpAddress: an IPv4 or IPv6 address as bytes, and IpNetwork, a block of them. Values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

// IPv4 as IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2): so a client has one address, whichever socket it came through.
struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};
    [[nodiscard]] bool is_v4() const;
    friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

// `10.0.0.7`, `2001:db8::1`; no brackets, no zone.
[[nodiscard]] std::optional<IpAddress> parse_ip_address(std::string_view text);
// Of what io::peer_name() returns: `10.0.0.7:5123`, `[2001:db8::1]:5123`. Nothing for `unix` and `unknown`.
[[nodiscard]] std::optional<IpAddress> ip_address_of_peer(std::string_view peer);
// What one client may be counted by: the address itself, of IPv6 its /64, which one machine has all of.
[[nodiscard]] IpAddress counted_address(const IpAddress& address);
// As inet_ntop writes it: `10.0.0.7`, `2001:db8::1`.
[[nodiscard]] std::string format_ip_address(const IpAddress& address);
// Without a seed that clients do not know, they choose which addresses meet.
[[nodiscard]] std::uint64_t hash_of(const IpAddress& address, std::uint64_t seed);

struct IpNetwork {
    IpAddress address;
    std::uint8_t prefix_bits = 128;  // of the 128 bits, also for IPv4
    [[nodiscard]] bool contains(const IpAddress& other) const;
    friend bool operator==(const IpNetwork&, const IpNetwork&) = default;
};

[[nodiscard]] bool is_in_any(std::span<const IpNetwork> networks, const IpAddress& address);

// `10.1.0.0/16`, `2001:db8::/32`, or an address alone. Bits behind the prefix must be 0.
[[nodiscard]] std::optional<IpNetwork> parse_ip_network(std::string_view text);
[[nodiscard]] std::string format_ip_network(const IpNetwork& network);

}  // namespace sluice
