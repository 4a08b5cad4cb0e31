// Whether a sentence names a number: ties the figures in our texts to the limits that they tell, by static_assert.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice {

// `number` stands in `text` in decimal, not as a part of a longer number.
[[nodiscard]] constexpr bool names_number(std::string_view text, std::uint64_t number) {
    std::uint64_t found = 0;
    bool is_in_number = false;
    for (const char c : text) {
        const bool is_digit = c >= '0' && c <= '9';
        if (is_in_number && !is_digit && found == number) return true;
        if (is_digit) found = (is_in_number ? found * 10 : 0) + static_cast<std::uint64_t>(c - '0');
        is_in_number = is_digit;
    }
    return is_in_number && found == number;
}

static_assert(names_number("more than 16 KiB", 16) && names_number("16", 16) && names_number("1 to 128.", 1));
static_assert(!names_number("more than 160", 16) && !names_number("more than 116", 16) && !names_number("none", 0));

}  // namespace sluice
