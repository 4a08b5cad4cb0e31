// Numbers with units, and core lists, as an operator writes them.
//
// What is clear is understood: blanks before the unit, and its name in words (`5 sec`, `64 kib`). The rest is strict:
// no sign, fraction or locale; a duration without a unit is refused, since half of its readers would guess wrong. KB
// and MB are refused too: nginx and Docker mean 1024, SI means 1000.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/value_error.hpp"

namespace sluice::config {

// `256`.
[[nodiscard]] std::expected<std::uint64_t, ValueError> parse_count(std::string_view text);

// `64KiB`, `8MiB`, `1GiB`, `512B`, or plain bytes: `65536`. In bytes.
[[nodiscard]] std::expected<std::uint64_t, ValueError> parse_size(std::string_view text);

// `10us`, `250ms`, `5s`, `1m`, `2h`, `100ns`. In ns.
[[nodiscard]] std::expected<std::uint64_t, ValueError> parse_duration(std::string_view text);

// `0,2-3` or `0, 2-3` as {0, 2, 3}, ascending; `auto` as an empty list. Cores are numbered as Linux does, up to
// limits::core_number_max.
[[nodiscard]] std::expected<std::vector<unsigned>, ValueError> parse_cores(std::string_view text);

// The inverse of the parsers, with the largest unit that leaves a whole number.
[[nodiscard]] std::string format_size(std::uint64_t bytes);
[[nodiscard]] std::string format_duration(std::uint64_t ns);
[[nodiscard]] std::string format_cores(std::span<const unsigned> cores);

}  // namespace sluice::config
