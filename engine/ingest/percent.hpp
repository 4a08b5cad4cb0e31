// Percent-encoding of queries (RFC 3986 section 2.1). Pure functions.
#pragma once

#include <charconv>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

namespace sluice {

// The byte that the first three characters of `text` mean; nothing if they are no triplet.
[[nodiscard]] inline std::optional<char> decoded_triplet(std::string_view text) {
    unsigned code = 0;
    if (text.size() < 3 || text.front() != '%') return std::nullopt;
    const char* const end = text.data() + 3;
    const auto [parsed_end, error] = std::from_chars(text.data() + 1, end, code, 16);  // takes no sign, no prefix
    if (error != std::errc{} || parsed_end != end) return std::nullopt;
    return static_cast<char>(code);
}

// `text` decoded into `buffer`; nothing if it is malformed or does not fit.
[[nodiscard]] inline std::optional<std::string_view> percent_decoded(std::string_view text, std::span<char> buffer) {
    std::size_t bytes = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (bytes == buffer.size()) return std::nullopt;
        const auto triplet = decoded_triplet(text.substr(at));
        if (text[at] == '%' && !triplet) return std::nullopt;
        buffer[bytes++] = triplet.value_or(text[at]);
        at += triplet ? 2 : 0;
    }
    return std::string_view(buffer.data(), bytes);
}

// Calls take(piece) for the pieces of `text` as a query has it: what is not unreserved (section 2.3) as triplets.
template <typename Take>
void percent_encode(std::string_view text, Take&& take) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char& c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                   std::string_view("-._~").contains(c);
        const char triplet[] = {'%', digits[byte >> 4], digits[byte & 15]};
        take(is_unreserved ? std::string_view(&c, 1) : std::string_view(triplet, sizeof triplet));
    }
}

}  // namespace sluice
