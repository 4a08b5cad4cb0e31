// Walks the commands of an arena: `*N\r\n`, then N times `$len\r\n…\r\n`.
//
// For rare paths only (a lost connection, a refused command): in normal work the sink never looks into
// an arena. The bytes come from our own encoder, so anything else is a bug and fails a CHECK.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "engine/core/check.hpp"

namespace sluice::sinks::redis {

namespace detail {

// Reads `<mark><decimal>\r\n` at `at`, moves `at` behind it.
[[nodiscard]] inline std::size_t read_length(std::span<const char> bytes, std::size_t& at, char mark) {
    CHECK(at < bytes.size() && bytes[at] == mark);
    std::size_t value = 0;
    for (++at; at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '9'; ++at) {
        value = value * 10 + static_cast<std::size_t>(bytes[at] - '0');
        CHECK(value <= bytes.size());
    }
    CHECK(bytes.size() - at >= 2 && bytes[at] == '\r' && bytes[at + 1] == '\n');
    at += 2;
    return value;
}

}  // namespace detail

// Length in bytes of the first command of `bytes`, which holds at least that one.
[[nodiscard]] inline std::size_t first_command_bytes(std::span<const char> bytes) {
    std::size_t at = 0;
    for (std::size_t words_left = detail::read_length(bytes, at, '*'); words_left > 0; --words_left) {
        const std::size_t word_bytes = detail::read_length(bytes, at, '$');
        CHECK(bytes.size() - at >= word_bytes + 2);
        at += word_bytes + 2;
    }
    return at;
}

// Word `index` of the first command of `bytes`, which has that many.
[[nodiscard]] inline std::string_view word_of_command(std::span<const char> bytes, std::size_t index) {
    std::size_t at = 0;
    CHECK(index < detail::read_length(bytes, at, '*'));
    for (;; --index) {
        const std::size_t word_bytes = detail::read_length(bytes, at, '$');
        CHECK(bytes.size() - at >= word_bytes + 2);
        if (index == 0) return {bytes.data() + at, word_bytes};
        at += word_bytes + 2;
    }
}

// Length in bytes of the first `commands_count` commands.
[[nodiscard]] inline std::size_t commands_bytes(std::span<const char> bytes, std::size_t commands_count) {
    std::size_t at = 0;
    for (; commands_count > 0; --commands_count) at += first_command_bytes(bytes.subspan(at));
    return at;
}

}  // namespace sluice::sinks::redis
