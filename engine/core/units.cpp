#include "engine/core/units.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "engine/core/check.hpp"

namespace sluice::units {
namespace {

template <typename Number>
struct Split {
    Number number;
    std::string_view rest;
};

// The number that `text` begins with, and what follows it.
template <typename Number>
std::expected<Split<Number>, Error> split_number(std::string_view text) {
    Number number{};
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::result_out_of_range) return std::unexpected(Error::out_of_range);
    if (error != std::errc{}) return std::unexpected(Error::malformed);
    return Split<Number>{number, text.substr(static_cast<std::size_t>(stop - text.data()))};
}

std::expected<std::uint64_t, Error> factor_of(std::string_view name, std::span<const NamedUnit> units) {
    const auto unit = std::ranges::find(units, name, &NamedUnit::name);
    if (unit != units.end()) return unit->factor;
    return std::unexpected(name.empty() ? Error::unit_missing : Error::unit_unknown);
}

std::expected<std::uint64_t, Error> parse_whole(std::string_view text, std::span<const NamedUnit> units) {
    const auto split = split_number<std::uint64_t>(text);
    if (!split) return std::unexpected(split.error());
    if (split->rest.starts_with('.')) return std::unexpected(Error::fraction);
    const auto factor = factor_of(split->rest, units);
    if (!factor) return factor;
    if (split->number > std::numeric_limits<std::uint64_t>::max() / *factor)
        return std::unexpected(Error::out_of_range);
    return split->number * *factor;
}

}  // namespace

std::expected<double, Error> parse_real(std::string_view text, std::span<const NamedUnit> units) {
    const auto split = split_number<double>(text);
    if (!split) return std::unexpected(split.error());
    if (!std::isfinite(split->number) || std::signbit(split->number)) return std::unexpected(Error::malformed);
    const auto factor = factor_of(split->rest, units);
    if (!factor) return std::unexpected(factor.error());
    return split->number * static_cast<double>(*factor);
}

std::expected<std::uint64_t, Error> parse(std::string_view text, std::span<const NamedUnit> units,
                                          Fractions fractions) {
    if (fractions == Fractions::refused) return parse_whole(text, units);
    const auto number = parse_real(text, units);
    if (!number) return std::unexpected(number.error());
    constexpr double number_max = 9e18;  // llround's result has 63 bits
    if (*number > number_max) return std::unexpected(Error::out_of_range);
    return static_cast<std::uint64_t>(std::llround(*number));
}

std::string format(std::uint64_t value, std::span<const NamedUnit> units, std::string_view unit_of_zero) {
    CHECK(!units.empty() && units.front().factor == 1);
    if (value == 0) return "0" + std::string(unit_of_zero);
    std::size_t index = units.size() - 1;
    while (value % units[index].factor != 0) --index;  // ends at 0, whose factor is 1
    return std::to_string(value / units[index].factor).append(units[index].name);
}

}  // namespace sluice::units
