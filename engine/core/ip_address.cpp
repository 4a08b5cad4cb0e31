#include "engine/core/ip_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace sluice {
namespace {

constexpr std::array<std::uint8_t, 12> v4_begin{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::uint8_t v4_begin_bits = 96;

// The bits of a byte that lie within the first `bits`.
std::uint8_t mask_of(std::size_t byte_index, std::size_t bits) {
    const std::size_t within = bits - std::min(bits, 8 * byte_index);
    return within >= 8 ? std::uint8_t{0xff} : static_cast<std::uint8_t>(0xff00 >> within);
}

}  // namespace

bool IpAddress::is_v4() const { return std::ranges::equal(std::span(bytes).first(v4_begin.size()), v4_begin); }

std::optional<IpAddress> parse_ip_address(std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN> terminated{};
    if (text.size() >= terminated.size()) return std::nullopt;
    text.copy(terminated.data(), text.size());
    IpAddress address;
    if (::inet_pton(AF_INET6, terminated.data(), address.bytes.data()) == 1) return address;
    std::ranges::copy(v4_begin, address.bytes.begin());
    if (::inet_pton(AF_INET, terminated.data(), address.bytes.data() + v4_begin.size()) == 1) return address;
    return std::nullopt;
}

std::optional<IpAddress> ip_address_of_peer(std::string_view peer) {
    if (!peer.starts_with('[')) return parse_ip_address(peer.substr(0, peer.find(':')));
    peer.remove_prefix(1);
    peer = peer.substr(0, peer.find(']'));
    return parse_ip_address(peer.substr(0, peer.find('%')));  // a link-local one has its zone behind it
}

IpAddress counted_address(const IpAddress& address) {
    if (address.is_v4()) return address;
    IpAddress counted = address;
    std::fill(counted.bytes.begin() + 8, counted.bytes.end(), std::uint8_t{0});
    return counted;
}

std::string format_ip_address(const IpAddress& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const std::uint8_t* const bytes = address.bytes.data();
    if (address.is_v4()) ::inet_ntop(AF_INET, bytes + v4_begin.size(), text.data(), text.size());
    else ::inet_ntop(AF_INET6, bytes, text.data(), text.size());
    return text.data();
}

// A change of one bit changes each of the others with a chance of a half: the last steps of SplitMix64 (Steele, Lea,
// Flood, 2014). Addresses of one network differ in the highest byte of a word.
std::uint64_t hash_of(const IpAddress& address, std::uint64_t seed) {
    std::array<std::uint64_t, 2> words{};
    std::memcpy(words.data(), address.bytes.data(), sizeof words);
    std::uint64_t hash = seed;
    for (const std::uint64_t word : words) {
        hash ^= word;
        hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
        hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
        hash ^= hash >> 31;
    }
    return hash;
}

bool IpNetwork::contains(const IpAddress& other) const {
    for (std::size_t i = 0; i < address.bytes.size(); ++i)
        if (((address.bytes[i] ^ other.bytes[i]) & mask_of(i, prefix_bits)) != 0) return false;
    return true;
}

bool is_in_any(std::span<const IpNetwork> networks, const IpAddress& address) {
    return std::ranges::any_of(networks, [&](const IpNetwork& network) { return network.contains(address); });
}

std::optional<IpNetwork> parse_ip_network(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto address = parse_ip_address(text.substr(0, slash));
    if (!address) return std::nullopt;
    IpNetwork network{*address};
    if (slash == std::string_view::npos) return network;
    const std::string_view digits = text.substr(slash + 1);
    const bool is_v4 = !text.substr(0, slash).contains(':');
    unsigned bits = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (read.ec != std::errc{} || read.ptr != digits.data() + digits.size() || bits > (is_v4 ? 32u : 128u))
        return std::nullopt;
    network.prefix_bits = static_cast<std::uint8_t>(bits + (is_v4 ? v4_begin_bits : 0));
    for (std::size_t i = 0; i < address->bytes.size(); ++i)
        if ((address->bytes[i] & ~mask_of(i, network.prefix_bits) & 0xff) != 0) return std::nullopt;
    return network;
}

std::string format_ip_network(const IpNetwork& network) {
    const std::string address = format_ip_address(network.address);
    const int family_bits = address.contains(':') ? 128 : 32;
    const int bits = network.prefix_bits - (128 - family_bits);
    return bits == family_bits ? address : address + "/" + std::to_string(bits);
}

}  // namespace sluice
