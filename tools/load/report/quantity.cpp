#include "tools/load/report/quantity.hpp"

#include <fmt/format.h>

#include <cmath>
#include <ctime>
#include <span>
#include <string_view>

namespace sluice::load {
namespace {

struct Unit {
    double size;
    std::string_view name;
};

// Three significant digits, no exponent, no trailing zeros.
std::string digits(double value) {
    const double magnitude = std::abs(value);
    if (magnitude >= 99.95) return fmt::format("{:.0f}", value);
    std::string text = fmt::format("{:.{}f}", value, magnitude >= 9.995 ? 1 : magnitude >= 0.9995 ? 2 : 3);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text;
}

// In the largest unit in which the value is at least 1 once rounded; `units` descend.
std::string in_units(double value, std::span<const Unit> units) {
    constexpr double rounds_up = 0.9995;
    for (const Unit& unit : units) {
        if (std::abs(value) >= rounds_up * unit.size || &unit == &units.back()) {
            return digits(value / unit.size).append(unit.name);
        }
    }
    return {};
}

}  // namespace

std::string text_of_ns(double ns) {
    static constexpr Unit units[] = {{60e9, " min"}, {1e9, " s"}, {1e6, " ms"}, {1e3, " µs"}, {1, " ns"}};
    return ns == 0 ? "0" : in_units(ns, ns >= 120e9 ? units : std::span(units).subspan(1));
}

std::string text_of_seconds(double seconds) {
    static constexpr Unit units[] = {{3600, " h"}, {60, " min"}, {1, " s"}};
    if (seconds < 120) return digits(seconds) + " s";
    return in_units(seconds, seconds >= 2 * 3600 ? units : std::span(units).subspan(1));
}

std::string text_of_count(double count) {
    static constexpr Unit units[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}};
    return in_units(count, units);
}

std::string text_of_bytes(double bytes) {
    static constexpr Unit units[] = {{1e12, " TB"}, {1e9, " GB"}, {1e6, " MB"}, {1e3, " kB"}, {1, " B"}};
    return in_units(bytes, units);
}

std::string text_of_share(double share) { return digits(100 * share) + " %"; }

std::string utc_text_of(std::int64_t unix_ms) {
    const std::time_t second = unix_ms / 1000;
    std::tm parts{};
    ::gmtime_r(&second, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

std::string grouped(std::uint64_t count) {
    constexpr std::string_view narrow_space = "\u202f";
    const std::string plain = std::to_string(count);
    std::string text;
    for (std::size_t i = 0; i < plain.size(); ++i) {
        if (i != 0 && (plain.size() - i) % 3 == 0) text.append(narrow_space);
        text += plain[i];
    }
    return text;
}

}  // namespace sluice::load
