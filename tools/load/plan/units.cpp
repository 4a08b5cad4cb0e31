#include "tools/load/plan/units.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "engine/core/escape.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/units.hpp"

namespace sluice::load {
namespace {

constexpr units::NamedUnit rate_periods[] = {{"s", 1}, {"m", 60}, {"h", 3600}};  // in seconds

std::unexpected<PlanError> not_a_number(std::string_view text, std::string_view why) {
    return std::unexpected(PlanError{quoted(text, limits::shown_bytes_max).append(why)});
}

std::unexpected<PlanError> not_a_number(std::string_view text, units::Error error, std::string_view example) {
    const bool lacks_unit = error == units::Error::unit_missing || error == units::Error::unit_unknown;
    return not_a_number(text,
                        std::string(lacks_unit ? " has no unit that is known here" : " does not begin with a number")
                            .append("; write it as ")
                            .append(example));
}

}  // namespace

std::expected<std::uint64_t, PlanError> parse_span_ns(std::string_view text) {
    constexpr std::uint64_t span_ns_max = 100'000'000'000'000'000;
    const auto ns = units::parse(text, units::durations, units::Fractions::rounded);
    if (!ns && ns.error() == units::Error::unit_missing && units::parse_real(text, units::none) == 0.0) return 0;
    if (ns ? *ns > span_ns_max : ns.error() == units::Error::out_of_range)
        return not_a_number(text, " is longer than three years");
    if (!ns) return not_a_number(text, ns.error(), "500ms, 0.5s, 1m or 2h");
    return *ns;
}

std::expected<double, PlanError> parse_rate(std::string_view text) {
    constexpr std::string_view example = "20000/s, 5k, 1.5M/s or 600/m";
    const std::size_t slash = std::min(text.find('/'), text.size());
    const auto count = units::parse_real(text.substr(0, slash), units::multiples);
    if (!count) return not_a_number(text, count.error(), example);
    if (slash == text.size()) return *count;
    const auto period = std::ranges::find(rate_periods, text.substr(slash + 1), &units::NamedUnit::name);
    if (period == std::end(rate_periods)) return not_a_number(text, units::Error::unit_unknown, example);
    return *count / static_cast<double>(period->factor);
}

std::expected<std::uint64_t, PlanError> parse_count(std::string_view text) {
    constexpr double count_max = 9e15;  // whole numbers up to there have a double of their own
    const auto count = units::parse_real(text, units::multiples);
    if (!count) return not_a_number(text, count.error(), "100, 5k or 1M");
    if (*count != std::floor(*count) || *count > count_max) return not_a_number(text, " is not a whole number");
    return static_cast<std::uint64_t>(*count);
}

std::expected<double, PlanError> parse_number(std::string_view text) {
    double number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || stop != text.data() + text.size() || !std::isfinite(number))
        return not_a_number(text, " is not a number");
    return number;
}

std::string format_number(double number, int decimals) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, number);
    std::string result = text;
    if (result.find('.') == std::string::npos) return result;
    while (result.back() == '0') result.pop_back();
    if (result.back() == '.') result.pop_back();
    return result;
}

std::string format_ns(std::uint64_t ns) {
    const std::size_t index = ns >= 1'000'000'000 ? 3 : ns >= 1'000'000 ? 2 : ns >= 1'000 ? 1 : 0;
    const units::NamedUnit& unit = units::durations[index];
    const double value = static_cast<double>(ns) / static_cast<double>(unit.factor);
    const int decimals = value >= 100 || index == 0 ? 0 : value >= 10 ? 1 : 2;
    return format_number(value, decimals) + " " + std::string(unit.name);
}

std::string format_rate(double rate) { return format_number(rate, rate < 10 ? 2 : 0) + "/s"; }

}  // namespace sluice::load
