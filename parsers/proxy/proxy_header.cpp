#include "parsers/proxy/proxy_header.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "engine/core/crc32c.hpp"

namespace sluice::parsers {
namespace {

using State = ProxyResult::State;

constexpr ProxyResult need_more{};
constexpr ProxyResult faulty(ProxyFault fault) { return {.state = State::faulty, .fault = fault}; }

// --- version 1 -----------------------------------------------------------------------------------------------------

constexpr std::string_view line_begin = "PROXY ";

// Takes the word in front of the next blank off `text`. Words have one blank between them.
std::string_view take_word(std::string_view& text) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, blank);
    text.remove_prefix(std::min(blank + 1, text.size()));
    return word;
}

// Without zeros in front.
std::optional<std::uint16_t> port_of(std::string_view text) {
    std::uint16_t port = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
    const bool is_number = read.ec == std::errc{} && read.ptr == text.data() + text.size();
    return is_number && (text.size() == 1 || text.front() != '0') ? std::optional(port) : std::nullopt;
}

std::optional<IpAddress> address_of(std::string_view text, bool is_v6) {
    return text.contains(':') == is_v6 ? parse_ip_address(text) : std::nullopt;
}

// `words`: what stands behind TCP4 or TCP6.
std::optional<ProxyHeader::Source> source_of(std::string_view words, bool is_v6) {
    const auto source = address_of(take_word(words), is_v6), destination = address_of(take_word(words), is_v6);
    const auto source_port = port_of(take_word(words)), destination_port = port_of(words);
    if (!source || !destination || !source_port || !destination_port) return std::nullopt;
    return ProxyHeader::Source{*source, *source_port};
}

ProxyResult complete_line(std::string_view line, std::size_t bytes) {
    ProxyResult result{.state = State::complete, .header = {.version = 1, .bytes = bytes}};
    line.remove_prefix(line_begin.size());
    const std::string_view family = take_word(line);
    if (family == "UNKNOWN") return result;
    if (family != "TCP4" && family != "TCP6") return faulty(ProxyFault::malformed);
    result.header.source = source_of(line, family == "TCP6");
    return result.header.source ? result : faulty(ProxyFault::malformed);
}

ProxyResult parse_line(std::string_view text) {
    constexpr std::string_view end = "\r\n";
    const std::string_view begin = text.substr(0, line_begin.size());
    if (begin != line_begin.substr(0, begin.size())) return faulty(ProxyFault::malformed);
    const std::size_t at = text.substr(0, proxy_line_bytes_max).find(end);
    if (at != std::string_view::npos) return complete_line(text.substr(0, at), at + end.size());
    return text.size() >= proxy_line_bytes_max ? faulty(ProxyFault::malformed) : need_more;
}

// --- version 2 -----------------------------------------------------------------------------------------------------

constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t fixed_bytes = signature.size() + 4;  // version and command, family, length

std::uint8_t byte_at(std::string_view text, std::size_t at) { return static_cast<std::uint8_t>(text[at]); }
std::uint16_t number_at(std::string_view text, std::size_t at) {
    return static_cast<std::uint16_t>(byte_at(text, at) << 8 | byte_at(text, at + 1));
}

// By the family, in the upper half of its byte: unspecified, IPv4, IPv6, Unix. Nothing: a family that is not known.
std::optional<std::size_t> addresses_bytes(std::uint8_t family) {
    constexpr std::array<std::size_t, 4> bytes{0, 12, 36, 216};
    return family >> 4 < bytes.size() ? std::optional(bytes[family >> 4]) : std::nullopt;
}

std::optional<ProxyHeader::Source> source_of(std::uint8_t family, std::string_view block) {
    constexpr std::uint8_t tcp_v4 = 0x11, tcp_v6 = 0x21;
    ProxyHeader::Source source;
    if (family == tcp_v4) {
        source.address = *parse_ip_address("0.0.0.0");
        for (std::size_t i = 0; i < 4; ++i) source.address.bytes[12 + i] = byte_at(block, i);
        source.port = number_at(block, 8);
    } else if (family == tcp_v6) {
        for (std::size_t i = 0; i < 16; ++i) source.address.bytes[i] = byte_at(block, i);
        source.port = number_at(block, 32);
    } else {
        return std::nullopt;
    }
    return source;
}

// Of the whole header, in which the field that holds it counts as four zeros: section 2.2.3.
bool has_checksum(std::string_view header, std::size_t at) {
    std::array<char, proxy_header_bytes_max> copy;
    header.copy(copy.data(), header.size());
    std::fill_n(copy.begin() + static_cast<std::ptrdiff_t>(at), 4, '\0');
    const std::uint32_t told = static_cast<std::uint32_t>(number_at(header, at)) << 16 | number_at(header, at + 2);
    return crc32c({copy.data(), header.size()}) == told;
}

// The fields from `at` on: a type, a length of 16 bits, and that many bytes each.
std::optional<ProxyFault> fault_of_fields(std::string_view header, std::size_t at) {
    constexpr std::uint8_t type_crc32c = 0x03;
    constexpr std::size_t begin_bytes = 3;
    while (at < header.size()) {  // ends: each turn passes a field
        if (header.size() - at < begin_bytes) return ProxyFault::malformed;
        const std::size_t bytes = number_at(header, at + 1), value = at + begin_bytes;
        if (header.size() - value < bytes) return ProxyFault::malformed;
        const bool is_checksum = byte_at(header, at) == type_crc32c;
        if (is_checksum && bytes != 4) return ProxyFault::malformed;
        if (is_checksum && !has_checksum(header, value)) return ProxyFault::checksum;
        at = value + bytes;
    }
    return std::nullopt;
}

ProxyResult complete_block(std::string_view header) {
    constexpr std::uint8_t local = 0x20;
    const std::uint8_t command = byte_at(header, 12), family = byte_at(header, 13);
    ProxyResult result{.state = State::complete, .header = {.version = 2, .bytes = header.size()}};
    const auto bytes = addresses_bytes(family);
    if (!bytes) return result;
    if (header.size() - fixed_bytes < *bytes) return command == local ? result : faulty(ProxyFault::malformed);
    if (const auto fault = fault_of_fields(header, fixed_bytes + *bytes)) return faulty(*fault);
    if (command != local) result.header.source = source_of(family, header.substr(fixed_bytes));
    return result;
}

ProxyResult parse_block(std::string_view text) {
    constexpr std::uint8_t local = 0x20, proxy = 0x21;
    const std::string_view begin = text.substr(0, signature.size());
    if (begin != signature.substr(0, begin.size())) return faulty(ProxyFault::malformed);
    if (text.size() > 12 && byte_at(text, 12) != local && byte_at(text, 12) != proxy)
        return faulty(ProxyFault::malformed);
    if (text.size() < fixed_bytes) return need_more;
    const std::size_t bytes = fixed_bytes + number_at(text, 14);
    if (bytes > proxy_header_bytes_max) return faulty(ProxyFault::too_long);
    return text.size() < bytes ? need_more : complete_block(text.substr(0, bytes));
}

}  // namespace

ProxyResult parse_proxy_header(std::span<const char> bytes) {
    const std::string_view text(bytes.data(), bytes.size());
    if (text.empty()) return need_more;
    return text.front() == signature.front() ? parse_block(text) : parse_line(text);
}

}  // namespace sluice::parsers
