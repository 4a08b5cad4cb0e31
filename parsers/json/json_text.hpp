// Checks on single JSON tokens.
//
// simdjson's first stage (its structural index) has by then refused invalid UTF-8, control characters
// inside strings and strings without an end. What it does not look at is checked here: the inside
// of numbers and literals, and escape sequences. Pure functions; nothing is kept.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "parsers/utf8.hpp"

namespace sluice::parsers {

[[nodiscard]] constexpr bool is_json_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

[[nodiscard]] constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The first byte from `begin` on that is no white space; `end` if there is none. Long runs are a whole body's time, so
// they are skipped 16 bytes at a time.
[[nodiscard]] const char* behind_space_run(const char* begin, const char* end);
[[nodiscard]] inline const char* behind_space(const char* begin, const char* end) {
    return begin == end || !is_json_space(*begin) ? begin : behind_space_run(begin, end);
}

[[nodiscard]] constexpr std::string_view trim_end(std::string_view text) {
    while (!text.empty() && is_json_space(text.back())) text.remove_suffix(1);
    return text;
}

// trim() for a whole body.
[[nodiscard]] std::string_view trim_body(std::string_view text);

[[nodiscard]] constexpr std::string_view trim(std::string_view text) {
    while (!text.empty() && is_json_space(text.front())) text.remove_prefix(1);
    return trim_end(text);
}

enum class NumberCheck : std::uint8_t {
    valid,
    malformed,     // not a number of RFC 8259
    out_of_range,  // an integer beyond int64 and uint64, or a double that overflows
};

// `token` is exactly the token. A double that underflows is valid (it is 0, or a denormal).
[[nodiscard]] NumberCheck check_number(std::string_view token);

// Whether `token` is a number such as `7`, `-12` or `27.30`, of at most 16 characters and without an exponent: such a
// one is in range, and nearly every number of a sample is one. False says nothing.
[[nodiscard]] constexpr bool is_short_number(std::string_view token) {
    if (token.size() > 16) return false;
    const char* at = token.data();
    const char* const end = at + token.size();
    if (at != end && *at == '-') ++at;
    const char* const digits = at;
    while (at != end && is_digit(*at)) ++at;
    if (at == digits || (*digits == '0' && at - digits > 1)) return false;
    if (at == end) return true;
    if (*at != '.') return false;
    const char* const decimals = ++at;
    while (at != end && is_digit(*at)) ++at;
    return at == end && at != decimals;
}

[[nodiscard]] constexpr bool is_literal(std::string_view token) {
    return token == "true" || token == "false" || token == "null";
}

// Whether every escape of a string's inside is one of RFC 8259's and no surrogate stands alone.
[[nodiscard]] bool has_valid_escapes(std::string_view inside);

enum class ValueEnd : std::uint8_t {
    here,      // the value is text[0, bytes)
    not_here,  // it goes on behind `text`
    too_deep,  // it is nested deeper than limits::json_depth_max, at `bytes`
};
struct ValueExtent {
    ValueEnd end;
    std::size_t bytes;
};
// How far the JSON value at the begin of `text` reaches, by its brackets and quotes alone: whether it is JSON is not
// looked at. 0 bytes: no value begins here.
[[nodiscard]] ValueExtent extent_of_value(std::string_view text);

}  // namespace sluice::parsers
