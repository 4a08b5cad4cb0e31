#include "tools/load/plan/units.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

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

// Halves are rounded up: 0.25, 1.25 and 2.25 become 0.3, 1.3 and 2.3. printf() would round them to even digits.
std::string format_number(double number, int decimals) {
    constexpr double exact_max = 1e15;  // above, a double has no digits behind the point
    constexpr double nearly_half = 1 + 4 * std::numeric_limits<double>::epsilon();  // 0.15 × 10 may be below 1.5
    const double scale = std::pow(10, decimals);
    if (std::abs(number) * scale < exact_max) number = std::round(number * scale * nearly_half) / scale;
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, number);
    std::string result = text;
    if (result.find('.') == std::string::npos) return result;
    while (result.back() == '0') result.pop_back();
    if (result.back() == '.') result.pop_back();
    return result;
}

// What rounds up to 10, 100 or 1000 is that: 1 ms, not 1000 us.
std::string format_ns(std::uint64_t ns) {
    constexpr double thousand = 999.5, hundred = 99.95, ten = 9.995;
    std::size_t index = 0;
    double value = static_cast<double>(ns);
    for (; index < 3 && value >= thousand; ++index) value /= 1000;
    const int decimals = value >= hundred || index == 0 ? 0 : value >= ten ? 1 : 2;
    return format_number(value, decimals) + " " + std::string(units::durations[index].name);
}

std::string format_seconds(double seconds) {
    constexpr double shown_as_seconds_min = 0.01;
    if (seconds >= shown_as_seconds_min || seconds <= 0) return format_number(seconds, 3) + " s";
    return format_ns(static_cast<std::uint64_t>(std::llround(seconds * 1e9)));
}

std::string format_rate(double rate) { return format_number(rate, rate < 10 ? 2 : 0) + "/s"; }

}  // namespace sluice::load
