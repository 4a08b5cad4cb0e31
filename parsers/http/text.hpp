// Small rules of HTTP text that several readers share: case, tokens, optional white space, lists (RFC 9110
// section 5.6). Values. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice::parsers {

// Compares without regard to ASCII case. `lower_case` has no upper-case letter, and none of its bytes is one that
// differs from another by the case bit alone where `text` may have either (control characters, which llhttp lets into
// no header).
// Eight bytes at a time, with the bit set that tells 'a' from 'A'.
[[nodiscard]] inline bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
    if (text.size() != lower_case.size()) return false;
    constexpr std::uint64_t case_bits = 0x2020202020202020;
    std::uint64_t differing_bits = 0;
    const auto compare_at = [&](std::size_t at) {
        std::uint64_t one, other;
        std::memcpy(&one, text.data() + at, sizeof one);
        std::memcpy(&other, lower_case.data() + at, sizeof other);
        differing_bits |= (one | case_bits) ^ other;
    };
    if (text.size() < sizeof case_bits) {
        for (std::size_t at = 0; at < text.size(); ++at)
            differing_bits |= static_cast<unsigned char>((text[at] | 0x20) ^ lower_case[at]);
        return differing_bits == 0;
    }
    compare_at(text.size() - sizeof case_bits);  // the last eight, some of them twice
    for (std::size_t at = 0; at + sizeof case_bits < text.size(); at += sizeof case_bits) compare_at(at);
    return differing_bits == 0;
}

// OWS is space and tab (RFC 9110 section 5.6.3).
[[nodiscard]] constexpr bool is_ows(char c) { return c == ' ' || c == '\t'; }

// `text` without OWS behind it.
[[nodiscard]] constexpr std::string_view trim_ows_end(std::string_view text) {
    while (!text.empty() && is_ows(text.back())) text.remove_suffix(1);
    return text;
}
// `text` without OWS around it.
[[nodiscard]] constexpr std::string_view trim_ows(std::string_view text) {
    while (!text.empty() && is_ows(text.front())) text.remove_prefix(1);
    return trim_ows_end(text);
}

// tchar of RFC 9110 section 5.6.2.
[[nodiscard]] constexpr bool is_token_character(char c) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && marks.find(c) != std::string_view::npos);
}
[[nodiscard]] constexpr bool is_token(std::string_view text) {
    for (const char c : text)
        if (!is_token_character(c)) return false;
    return !text.empty();
}

// Takes the first element off `list`, a comma-separated list (RFC 9110 section 5.6.1); empty elements are passed over.
// Without OWS around it; empty once the list is used up. Quotes mean nothing: a comma within them separates, too.
[[nodiscard]] std::string_view take_list_element(std::string_view& list);

}  // namespace sluice::parsers
