#include "tools/load/plan/units.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>

#include "engine/core/escape.hpp"
#include "engine/core/limits.hpp"

namespace sluice::load {
namespace {

struct NamedFactor {
    std::string_view name;
    double factor;
};
constexpr NamedFactor span_units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
constexpr NamedFactor multiples[] = {{"", 1}, {"k", 1e3}, {"M", 1e6}};
constexpr NamedFactor rate_periods[] = {{"", 1}, {"/s", 1}, {"/m", 1.0 / 60}, {"/h", 1.0 / 3600}};

struct Split {
    double number;
    std::string_view rest;
};

// The number that `text` begins with (not negative, not infinite), and what follows it.
std::expected<Split, PlanError> split_number(std::string_view text, std::string_view example) {
    double number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || !std::isfinite(number) || std::signbit(number))
        return std::unexpected(PlanError{quoted(text, limits::shown_bytes_max) +
                                         " does not begin with a number; write it as " + std::string(example)});
    return Split{number, text.substr(static_cast<std::size_t>(stop - text.data()))};
}

PlanError unknown_unit(std::string_view text, std::string_view example) {
    return {quoted(text, limits::shown_bytes_max) + " has no unit that is known here; write it as " +
            std::string(example)};
}

}  // namespace

std::expected<std::uint64_t, PlanError> parse_span_ns(std::string_view text) {
    constexpr std::string_view example = "500ms, 0.5s, 1m or 2h";
    const auto split = split_number(text, example);
    if (!split) return std::unexpected(split.error());
    if (split->rest.empty() && split->number == 0) return 0;
    for (const auto& [name, factor] : span_units) {
        if (split->rest != name) continue;
        const double ns = split->number * factor;
        if (ns > 1e17)
            return std::unexpected(PlanError{quoted(text, limits::shown_bytes_max) + " is longer than three years"});
        return static_cast<std::uint64_t>(std::llround(ns));
    }
    return std::unexpected(unknown_unit(text, example));
}

std::expected<double, PlanError> parse_rate(std::string_view text) {
    constexpr std::string_view example = "20000/s, 5k, 1.5M/s or 600/m";
    const auto split = split_number(text, example);
    if (!split) return std::unexpected(split.error());
    for (const auto& multiple : multiples)
        for (const auto& period : rate_periods)
            if (split->rest == std::string(multiple.name) + std::string(period.name))
                return split->number * multiple.factor * period.factor;
    return std::unexpected(unknown_unit(text, example));
}

std::expected<std::uint64_t, PlanError> parse_count(std::string_view text) {
    constexpr std::string_view example = "100, 5k or 1M";
    const auto split = split_number(text, example);
    if (!split) return std::unexpected(split.error());
    for (const auto& [name, factor] : multiples) {
        if (split->rest != name) continue;
        const double count = split->number * factor;
        if (count == std::floor(count) && count <= 9e15) return static_cast<std::uint64_t>(count);
        return std::unexpected(PlanError{quoted(text, limits::shown_bytes_max) + " is not a whole number"});
    }
    return std::unexpected(unknown_unit(text, example));
}

std::expected<double, PlanError> parse_number(std::string_view text) {
    double number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || stop != text.data() + text.size() || !std::isfinite(number))
        return std::unexpected(PlanError{quoted(text, limits::shown_bytes_max) + " is not a number"});
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
    const NamedFactor* const unit = &span_units[index];
    const double value = static_cast<double>(ns) / unit->factor;
    const int decimals = value >= 100 || index == 0 ? 0 : value >= 10 ? 1 : 2;
    return format_number(value, decimals) + " " + std::string(unit->name);
}

std::string format_rate(double rate) { return format_number(rate, rate < 10 ? 2 : 0) + "/s"; }

}  // namespace sluice::load
