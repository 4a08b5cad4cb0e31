#include "parsers/http/target.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "parsers/http/text.hpp"

namespace sluice::parsers {
namespace {

// What a character may be part of, by RFC 3986 appendix A. '%' begins a triplet, and is looked at by itself.
enum : std::uint8_t { in_host_name = 1, in_path_and_query = 2, percent = 4, in_ip_future = 8 };

constexpr auto classes = [] {
    std::array<std::uint8_t, 256> table{};
    const auto add = [&table](std::string_view characters, std::uint8_t bits) {
        for (const char c : characters) table[static_cast<unsigned char>(c)] |= bits;
    };
    for (unsigned char c = '0'; c <= '9'; ++c) table[c] = in_host_name | in_path_and_query | in_ip_future;
    for (unsigned char c = 'a'; c <= 'z'; ++c)
        table[c] = table[c - 'a' + 'A'] = in_host_name | in_path_and_query | in_ip_future;
    add("-._~!$&'()*+,;=", in_host_name | in_path_and_query | in_ip_future);
    add(":", in_path_and_query | in_ip_future);
    add("@/?", in_path_and_query);
    add("%", in_host_name | in_path_and_query | percent);
    return table;
}();

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool has_whole_triplets(std::string_view text) {
    for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 3))
        if (at + 2 >= text.size() || !is_hex_digit(text[at + 1]) || !is_hex_digit(text[at + 2])) return false;
    return true;
}

bool consists_of(std::string_view text, std::uint8_t wanted) {
    std::uint8_t all = wanted;
    std::uint8_t any = 0;
    for (const char c : text) {
        const std::uint8_t bits = classes[static_cast<unsigned char>(c)];
        all &= bits;
        any |= bits;
    }
    return all == wanted && ((any & percent) == 0 || has_whole_triplets(text));
}

// dec-octet: no leading zero.
bool is_ipv4_octet(std::string_view part) {
    if (part.empty() || part.size() > 3 || !std::ranges::all_of(part, is_digit)) return false;
    if (part.size() > 1 && part.front() == '0') return false;
    return part.size() < 3 || part <= "255";
}

bool is_ipv4(std::string_view text) {
    for (int octet = 0; octet < 3; ++octet) {
        const std::size_t dot = text.find('.');
        if (dot == std::string_view::npos || !is_ipv4_octet(text.substr(0, dot))) return false;
        text.remove_prefix(dot + 1);
    }
    return is_ipv4_octet(text);
}

bool is_ipv6_group(std::string_view part) {
    return !part.empty() && part.size() <= 4 && std::ranges::all_of(part, is_hex_digit);
}

// Eight groups, the last two of which may be written as an IPv4 address; `::` stands for one or more of them, once.
bool is_ipv6(std::string_view text) {
    int groups_count = 0;
    bool has_gap = text.starts_with("::");
    if (has_gap) text.remove_prefix(2);
    while (!text.empty()) {  // ends: each turn takes a group off the text
        const std::size_t colon = text.find(':');
        const std::string_view part = text.substr(0, colon);
        const bool is_last = colon == std::string_view::npos;
        const bool is_address = is_last && is_ipv4(part);
        if (!is_address && !is_ipv6_group(part)) return false;
        groups_count += is_address ? 2 : 1;
        if (is_last) break;
        text.remove_prefix(colon + 1);
        if (text.empty()) return false;
        if (text.front() != ':') continue;
        if (has_gap) return false;
        has_gap = true;
        text.remove_prefix(1);
    }
    return has_gap ? groups_count <= 7 : groups_count == 8;
}

// "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
bool is_ip_future(std::string_view text) {
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos || dot < 2 || (text.front() | 0x20) != 'v') return false;
    const std::string_view address = text.substr(dot + 1);
    return std::ranges::all_of(text.substr(1, dot - 1), is_hex_digit) && !address.empty() &&
           consists_of(address, in_ip_future);
}

// What stands behind the host: nothing, or ":" *DIGIT.
bool is_port(std::string_view text) {
    return text.empty() || (text.front() == ':' && std::ranges::all_of(text.substr(1), is_digit));
}

bool is_literal_host(std::string_view value) {
    const std::size_t end = value.find(']');
    if (end == std::string_view::npos) return false;
    const std::string_view address = value.substr(1, end - 1);
    return (is_ipv6(address) || is_ip_future(address)) && is_port(value.substr(end + 1));
}

bool is_named_host(std::string_view value) {
    const std::size_t name_end = std::min(value.find(':'), value.size());
    return name_end != 0 && consists_of(value.substr(0, name_end), in_host_name) && is_port(value.substr(name_end));
}

bool is_authority(std::string_view value) {
    return value.starts_with('[') ? is_literal_host(value) : is_named_host(value);
}

// absolute-form. The scheme ignores case (RFC 3986 section 3.1); https is refused, because the connection is not
// secured (RFC 9110 section 7.4).
bool is_uri(std::string_view target) {
    const std::size_t scheme_end = target.find("://");
    if (scheme_end == std::string_view::npos) return false;
    const std::string_view scheme = target.substr(0, scheme_end);
    if (!equals_ignoring_case(scheme, "http")) return false;
    target.remove_prefix(scheme_end + 3);
    const std::size_t authority_end = std::min(target.find_first_of("/?"), target.size());
    return is_authority(target.substr(0, authority_end)) &&
           consists_of(target.substr(authority_end), in_path_and_query);
}

}  // namespace

bool is_host(std::string_view value) { return value.empty() || is_authority(value); }

bool is_target(std::string_view target, Method method) {
    if (target.starts_with('/')) return consists_of(target, in_path_and_query);
    if (target == "*") return method == Method::options;
    return is_uri(target);
}

}  // namespace sluice::parsers
