// Control characters in what an operator wrote: they would break a line of the log, a header or a command.
#pragma once

#include <algorithm>
#include <string_view>

namespace sluice {

// A byte below 0x20, or 0x7F.
[[nodiscard]] constexpr bool has_control_character(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return (c >= 0 && c < ' ') || c == '\x7F'; });
}

}  // namespace sluice
