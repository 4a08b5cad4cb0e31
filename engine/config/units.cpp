#include "engine/config/units.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "engine/core/limits.hpp"

namespace sluice::config {
namespace {

struct NamedUnit {
    std::string_view name;
    std::uint64_t factor;
};

// Ascending: format_with_unit() looks from the end.
constexpr NamedUnit size_units[] = {{"B", 1}, {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}};
constexpr NamedUnit duration_units[] = {
    {"ns", 1}, {"us", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};
constexpr std::string_view ambiguous_units[] = {"KB", "kB", "K", "k", "MB", "M", "m", "GB", "G", "g"};

struct Split {
    std::uint64_t number;
    std::string_view rest;
};

// The digits that `text` begins with, and what follows them.
std::expected<Split, ValueError> split_number(std::string_view text) {
    std::uint64_t number = 0;
    const char* const begin = text.data();
    const auto [stop, error] = std::from_chars(begin, begin + text.size(), number);
    if (error == std::errc::result_out_of_range) return std::unexpected(ValueError::out_of_range);
    if (error != std::errc{}) return std::unexpected(ValueError::malformed);
    return Split{number, text.substr(static_cast<std::size_t>(stop - begin))};
}

std::expected<std::uint64_t, ValueError> parse_with_unit(std::string_view text, std::span<const NamedUnit> units) {
    const auto split = split_number(text);
    if (!split) return std::unexpected(split.error());
    if (split->rest.empty()) return std::unexpected(ValueError::unit_missing);
    if (split->rest.front() == '.') return std::unexpected(ValueError::fraction);
    const auto unit = std::ranges::find(units, split->rest, &NamedUnit::name);
    if (unit == units.end()) return std::unexpected(ValueError::unit_unknown);
    if (split->number > std::numeric_limits<std::uint64_t>::max() / unit->factor) {
        return std::unexpected(ValueError::out_of_range);
    }
    return split->number * unit->factor;
}

std::string format_with_unit(std::uint64_t value, std::span<const NamedUnit> units, std::string_view unit_of_zero) {
    if (value == 0) return "0" + std::string(unit_of_zero);
    std::size_t index = units.size() - 1;
    while (value % units[index].factor != 0) --index;  // ends at 0, whose factor is 1
    return std::to_string(value / units[index].factor).append(units[index].name);
}

std::expected<unsigned, ValueError> parse_core(std::string_view text) {
    const auto number = parse_count(text);
    if (!number) return std::unexpected(number.error());
    if (*number > limits::core_number_max) return std::unexpected(ValueError::out_of_range);
    return static_cast<unsigned>(*number);
}

// Appends the cores of `3` or `2-5`.
std::expected<void, ValueError> append_core_range(std::vector<unsigned>& cores, std::string_view range) {
    const std::size_t dash = range.find('-');
    const auto first = parse_core(range.substr(0, dash));
    if (!first) return std::unexpected(first.error());
    const auto last = dash == std::string_view::npos ? first : parse_core(range.substr(dash + 1));
    if (!last) return std::unexpected(last.error());
    if (*last < *first) return std::unexpected(ValueError::malformed);
    for (unsigned core = *first; core <= *last; ++core) cores.push_back(core);
    return {};
}

}  // namespace

std::expected<std::uint64_t, ValueError> parse_count(std::string_view text) {
    const auto split = split_number(text);
    if (!split) return std::unexpected(split.error());
    if (!split->rest.empty()) return std::unexpected(ValueError::malformed);
    return split->number;
}

std::expected<std::uint64_t, ValueError> parse_size(std::string_view text) {
    const auto bytes = parse_with_unit(text, size_units);
    if (bytes || bytes.error() == ValueError::out_of_range) return bytes;
    if (bytes.error() == ValueError::unit_missing) return parse_count(text);
    const std::string_view unit = text.substr(std::min(text.find_first_not_of("0123456789"), text.size()));
    if (bytes.error() == ValueError::unit_unknown &&
        std::ranges::find(ambiguous_units, unit) != std::end(ambiguous_units)) {
        return std::unexpected(ValueError::unit_ambiguous);
    }
    return bytes;
}

std::expected<std::uint64_t, ValueError> parse_duration(std::string_view text) {
    return parse_with_unit(text, duration_units);
}

std::expected<std::vector<unsigned>, ValueError> parse_cores(std::string_view text) {
    std::vector<unsigned> cores;
    if (text == "auto") return cores;
    while (true) {  // once for each comma of the text
        const std::size_t comma = text.find(',');
        if (const auto appended = append_core_range(cores, text.substr(0, comma)); !appended) {
            return std::unexpected(appended.error());
        }
        if (comma == std::string_view::npos) break;
        text.remove_prefix(comma + 1);
    }
    std::ranges::sort(cores);
    if (std::ranges::adjacent_find(cores) != cores.end()) return std::unexpected(ValueError::core_twice);
    if (cores.size() > limits::reactors_count_max) return std::unexpected(ValueError::out_of_range);
    return cores;
}

std::string format_size(std::uint64_t bytes) { return format_with_unit(bytes, size_units, "B"); }
std::string format_duration(std::uint64_t ns) { return format_with_unit(ns, duration_units, "s"); }

std::string format_cores(std::span<const unsigned> cores) {
    if (cores.empty()) return "auto";
    std::string text;
    for (std::size_t first = 0; first < cores.size();) {
        std::size_t last = first;
        while (last + 1 < cores.size() && cores[last + 1] == cores[last] + 1) ++last;
        if (!text.empty()) text += ',';
        text += std::to_string(cores[first]);
        if (last > first) text.append("-").append(std::to_string(cores[last]));
        first = last + 1;
    }
    return text;
}

}  // namespace sluice::config
