// Numbers that are valid JSON and that simdjson refuses the whole text for: integers of more than 64 bits, such as
// JavaScript writes 1e20, and reals beyond a double's range. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace sluice::parsers::otlp {

// Writes `json` to `out` with each such integer as a real, and each such real as an empty array, which no number is.
// What is no JSON stays so. How many bytes it wrote; nothing: it does not fit.
[[nodiscard]] std::optional<std::size_t> without_wide_numbers(std::string_view json, std::span<char> out);

}  // namespace sluice::parsers::otlp
