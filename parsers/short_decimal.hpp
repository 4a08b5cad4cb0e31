// ShortDecimal: a double as an integer divided by a power of ten, where that is its shortest text: what gauges mostly
// are, with a few digits behind the point. Finding it takes a quarter of std::to_chars(double). Pure functions.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace sluice::parsers {

struct ShortDecimal {
    static constexpr std::array<double, 7> units{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};

    std::int64_t digits = 0;  // not a multiple of ten
    unsigned places_count = 0;  // behind the point; 0: it is no such number

    [[nodiscard]] double unit() const { return units[places_count]; }
};

// Of integers, which have no places, and of those whose text is shorter with an exponent: none.
//
// That the quotient of two integers below 2^53 is `value` means that its text reads as `value`: a division is rounded
// correctly, and so is reading. The fewest places are the fewest digits.
inline ShortDecimal short_decimal_of(double value) {
    constexpr double value_max = 1e9;  // with six places: below 2^53
    constexpr double rounding_max = 4.44e-16;  // 2^-51, relative: of `value`, and of the product
    constexpr unsigned places_max_below_one = 3;  // 0.0001 is 1e-04
    const double magnitude = std::abs(value);
    const bool is_integer = std::trunc(magnitude) == magnitude;
    if (!(magnitude < value_max) || is_integer) return {};
    const unsigned places_max = magnitude < 1 ? places_max_below_one : ShortDecimal::units.size() - 1;
    for (unsigned places = 1; places <= places_max; ++places) {
        const double unit = ShortDecimal::units[places];
        const double product = magnitude * unit;
        const auto digits = static_cast<std::int64_t>(product + 0.5);
        const auto whole = static_cast<double>(digits);
        if (std::abs(product - whole) > product * rounding_max || whole / unit != magnitude) continue;
        return {std::signbit(value) ? -digits : digits, places};
    }
    return {};
}

}  // namespace sluice::parsers
