// How many edits lead from one word to another: to name what a user may have meant. Values. Any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace sluice {

// Levenshtein distance of the first 64 bytes of each; ASCII case counts for nothing in `word`. `known` is in lower
// case.
[[nodiscard]] constexpr std::size_t edit_distance(std::string_view word, std::string_view known) {
    constexpr std::size_t compared_bytes_max = 64;
    word = word.substr(0, compared_bytes_max);
    known = known.substr(0, compared_bytes_max);
    std::array<std::size_t, compared_bytes_max + 1> row{};  // distances of the begin of `word` to each begin of `known`
    for (std::size_t j = 0; j <= known.size(); ++j) row[j] = j;
    for (std::size_t i = 0; i < word.size(); ++i) {
        const char c = word[i] >= 'A' && word[i] <= 'Z' ? static_cast<char>(word[i] - 'A' + 'a') : word[i];
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < known.size(); ++j) {
            const std::size_t replaced = diagonal + (c == known[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
        }
    }
    return row[known.size()];
}

static_assert(edit_distance("ACK", "ack") == 0 && edit_distance("acks", "ack") == 1 && edit_distance("", "ack") == 3);

}  // namespace sluice
