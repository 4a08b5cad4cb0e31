// Numbers as people write them in load plans, and back. Fractions are allowed, unlike in the engine's configuration:
// `0.5s` and `1.5k/s` are what one types when trying things out. The parser is that of engine/core/units.hpp.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace sluice::load {

// What is wrong with a piece of text, as one sentence that shows it and says what is allowed.
struct PlanError {
    std::string sentence;
};

// `10us`, `0.5s`, `1m`, `2h`: in ns. A unit is required, except after 0.
[[nodiscard]] std::expected<std::uint64_t, PlanError> parse_span_ns(std::string_view text);

// `20000/s`, `5k`, `1.5M/s`, `600/m`: requests a second.
[[nodiscard]] std::expected<double, PlanError> parse_rate(std::string_view text);

// `100`, `5k`, `1M`; no fraction may be left.
[[nodiscard]] std::expected<std::uint64_t, PlanError> parse_count(std::string_view text);

// A plain decimal number that is the whole of the text.
[[nodiscard]] std::expected<double, PlanError> parse_number(std::string_view text);

// `1.53 ms`, `812 us`: three significant digits.
[[nodiscard]] std::string format_ns(std::uint64_t ns);
// `2.5 s`, `0.125 s`: to the millisecond; below 10 ms as format_ns() writes it.
[[nodiscard]] std::string format_seconds(double seconds);
// `20000/s`, `0.5/s`.
[[nodiscard]] std::string format_rate(double rate);
// At most `decimals` behind the point, none that are zero; halves are rounded away from 0.
[[nodiscard]] std::string format_number(double number, int decimals);

}  // namespace sluice::load
