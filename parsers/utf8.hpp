// Rules of UTF-8 text that several decoders share. Pure functions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice::parsers {

// Eight bytes at a time: the top bit of each byte of the result is set where the byte is not in
// U+0020 to U+007E. Exact for bytes below 0x80, and always set for the others.
constexpr std::uint64_t unusual_bytes(std::uint64_t bytes) {
    constexpr std::uint64_t ones = 0x0101010101010101u;
    constexpr std::uint64_t tops = 0x80 * ones;
    const std::uint64_t below_space = ~((bytes | tops) - 0x20 * ones);
    const std::uint64_t is_delete = (bytes & ~tops) + ones;
    return (bytes | below_space | is_delete) & tops;
}

template <typename Word>
std::uint64_t load(const char* from) {
    Word word = 0;
    std::memcpy(&word, from, sizeof word);
    return word;
}

// Whether all of `text` is U+0020 to U+007E. Loads overlap instead of going byte by byte.
inline bool is_plain_ascii(std::string_view text) {
    const char* const begin = text.data();
    const std::size_t size = text.size();
    if (size < 4) {
        return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
    }
    if (size < 8) return unusual_bytes(load<std::uint32_t>(begin) << 32 | load<std::uint32_t>(begin + size - 4)) == 0;
    std::uint64_t unusual = unusual_bytes(load<std::uint64_t>(begin + size - 8));
    for (std::size_t i = 0; i + 8 < size; i += 8) unusual |= unusual_bytes(load<std::uint64_t>(begin + i));
    return unusual == 0;
}

// The same for bytes that a JSON string cannot have as they are: below U+0020, `"` and `\`. May also be set where a
// byte below in the word is set.
constexpr std::uint64_t escaped_bytes(std::uint64_t bytes) {
    constexpr std::uint64_t ones = 0x0101010101010101u;
    constexpr std::uint64_t tops = 0x80 * ones;
    const std::uint64_t quotes = bytes ^ '"' * ones;
    const std::uint64_t backslashes = bytes ^ '\\' * ones;
    return (((bytes - 0x20 * ones) & ~bytes) | ((quotes - ones) & ~quotes) | ((backslashes - ones) & ~backslashes)) &
           tops;
}

// Whether all of `text` is U+0020 to U+007E and stands in a JSON string as it is: both questions in one pass.
inline bool is_plain_json(std::string_view text) {
    const char* const begin = text.data();
    const std::size_t size = text.size();
    const auto unfit = [](std::uint64_t bytes) { return unusual_bytes(bytes) | escaped_bytes(bytes); };
    if (size < 4)
        return std::all_of(text.begin(), text.end(),
                           [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
    if (size < 8) return unfit(load<std::uint32_t>(begin) << 32 | load<std::uint32_t>(begin + size - 4)) == 0;
    std::uint64_t found = unfit(load<std::uint64_t>(begin + size - 8));
    for (std::size_t i = 0; i + 8 < size; i += 8) found |= unfit(load<std::uint64_t>(begin + i));
    return found == 0;
}

// Whether all of `text` stands in a JSON string as it is. `text` is valid UTF-8.
inline bool needs_no_escape(std::string_view text) {
    const char* const begin = text.data();
    const std::size_t size = text.size();
    if (size < 4)
        return std::all_of(text.begin(), text.end(),
                           [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\'; });
    if (size < 8) return escaped_bytes(load<std::uint32_t>(begin) << 32 | load<std::uint32_t>(begin + size - 4)) == 0;
    std::uint64_t escaped = escaped_bytes(load<std::uint64_t>(begin + size - 8));
    for (std::size_t i = 0; i + 8 < size; i += 8) escaped |= escaped_bytes(load<std::uint64_t>(begin + i));
    return escaped == 0;
}

// Whether `text` has a character of Unicode's category Cc: below U+0020, or U+007F to U+009F. `text` is valid UTF-8.
[[nodiscard]] bool has_control_character_slow(std::string_view text);
[[nodiscard]] inline bool has_control_character(std::string_view text) {
    return !is_plain_ascii(text) && has_control_character_slow(text);
}

[[nodiscard]] bool is_utf8(std::string_view text);
// The same, for what mostly is ASCII without control characters.
[[nodiscard]] inline bool is_text(std::string_view text) { return is_plain_ascii(text) || is_utf8(text); }

// Offset of the first byte of `text` that is not part of valid UTF-8; text.size() if all are.
[[nodiscard]] std::size_t first_invalid_utf8(std::string_view text);

}  // namespace sluice::parsers
