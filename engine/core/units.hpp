// Numbers with units, as people write them: one parser for settings of the engine, which refuse fractions, and for load
// plans, which take them.
//
// Strict: no white space, no sign, no locale. Values only; knows no keys and writes no sentences.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace sluice::units {

struct NamedUnit {
    std::string_view name;
    std::uint64_t factor;
};

// Ascending, the first with factor 1: format() looks from the end.
inline constexpr NamedUnit sizes[] = {{"B", 1}, {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}};
inline constexpr NamedUnit durations[] = {
    {"ns", 1}, {"us", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};
inline constexpr NamedUnit none[] = {{"", 1}};
inline constexpr NamedUnit multiples[] = {{"", 1}, {"k", 1'000}, {"M", 1'000'000}};

enum class Error : std::uint8_t {
    malformed,  // does not begin with a number
    out_of_range,  // larger than the result can hold
    unit_missing,  // 5, where a unit is needed
    unit_unknown,  // 5 fortnights
    fraction,  // 1.5s, where fractions are refused
};

enum class Fractions : std::uint8_t { refused, rounded };

// `text` is a number and the name of one of `units`; the result is in the unit with factor 1.
[[nodiscard]] std::expected<std::uint64_t, Error> parse(std::string_view text, std::span<const NamedUnit> units,
                                                        Fractions fractions = Fractions::refused);

// The same with a result that may be a fraction. Never negative, never infinite.
[[nodiscard]] std::expected<double, Error> parse_real(std::string_view text, std::span<const NamedUnit> units);

// The inverse of parse(), with the largest unit that leaves a whole number; `0` gets `unit_of_zero`.
[[nodiscard]] std::string format(std::uint64_t value, std::span<const NamedUnit> units, std::string_view unit_of_zero);

}  // namespace sluice::units
