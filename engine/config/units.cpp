#include "engine/config/units.hpp"

#include <algorithm>

#include "engine/core/limits.hpp"
#include "engine/core/lower_case.hpp"
#include "engine/core/units.hpp"

namespace sluice::config {
namespace {

constexpr std::string_view ambiguous_units[] = {"KB", "kB", "K", "k", "MB", "M", "m", "GB", "G", "g"};

// Words for a unit, in lower case, and the name that it has here. The letter M in upper case is no word: it may be a
// month. There are two letters for micro: U+00B5 and U+03BC.
struct UnitWord {
    std::string_view word, name;
};
constexpr UnitWord unit_words[] = {
    {"ms", "ms"},          {"msec", "ms"},      {"millisecond", "ms"}, {"us", "us"},   {"usec", "us"},
    {"microsecond", "us"}, {"\xC2\xB5s", "us"}, {"\xCE\xBCs", "us"},   {"ns", "ns"},   {"nsec", "ns"},
    {"nanosecond", "ns"},  {"sec", "s"},        {"second", "s"},       {"min", "m"},   {"minute", "m"},
    {"hr", "h"},           {"hour", "h"},       {"byte", "B"},         {"kib", "KiB"}, {"mib", "MiB"},
    {"gib", "GiB"},
};

std::string_view unit_name_of(std::string_view unit) {
    if (unit == "S") return "s";
    if (unit == "H") return "h";
    if (unit.size() < 2) return unit;
    std::string word = lower_case(unit);
    const auto find = [&] { return std::ranges::find(unit_words, word, &UnitWord::word); };
    const auto* found = find();
    if (found == std::end(unit_words) && word.ends_with('s') && word.size() > 3) {  // secs, minutes
        word.pop_back();
        found = find();
    }
    return found == std::end(unit_words) ? unit : found->name;
}

std::string_view without_blanks(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

// `5 sec` as `5s`. A text that does not begin with a digit, or holds no unit, stays as it is.
std::string in_our_units(std::string_view written) {
    const std::string_view text = without_blanks(written);
    const std::size_t digits_end = std::min(text.find_first_not_of("0123456789"), text.size());
    const std::size_t unit_begin = std::min(text.find_first_not_of(' ', digits_end), text.size());
    if (digits_end == 0 || unit_begin == text.size()) return std::string(text);
    return std::string(text.substr(0, digits_end)).append(unit_name_of(text.substr(unit_begin)));
}

ValueError value_error_of(units::Error error) {
    switch (error) {
        case units::Error::malformed: return ValueError::malformed;
        case units::Error::out_of_range: return ValueError::out_of_range;
        case units::Error::unit_missing: return ValueError::unit_missing;
        case units::Error::unit_unknown: return ValueError::unit_unknown;
        case units::Error::fraction: return ValueError::fraction;
    }
    return ValueError::malformed;
}

std::expected<std::uint64_t, ValueError> parse_with(std::string_view text, std::span<const units::NamedUnit> known) {
    const auto number = units::parse(text, known);
    if (!number) return std::unexpected(value_error_of(number.error()));
    return *number;
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
    const bool is_plain = text.find_first_not_of("0123456789") == std::string_view::npos;
    if (!is_plain) return std::unexpected(ValueError::malformed);
    return parse_with(text, units::none);
}

std::expected<std::uint64_t, ValueError> parse_size(std::string_view written) {
    const std::string text = in_our_units(written);
    const auto bytes = parse_with(text, units::sizes);
    if (bytes || bytes.error() == ValueError::out_of_range) return bytes;
    if (bytes.error() == ValueError::unit_missing) return parse_count(text);
    const std::string unit = text.substr(std::min(text.find_first_not_of("0123456789"), text.size()));
    const bool is_ambiguous = std::ranges::find(ambiguous_units, unit) != std::end(ambiguous_units);
    if (bytes.error() != ValueError::unit_unknown) return bytes;
    return std::unexpected(is_ambiguous ? ValueError::unit_ambiguous : ValueError::size_unit_unknown);
}

std::expected<std::uint64_t, ValueError> parse_duration(std::string_view text) {
    return parse_with(in_our_units(text), units::durations);
}

std::expected<std::vector<unsigned>, ValueError> parse_cores(std::string_view text) {
    std::vector<unsigned> cores;
    if (lower_case(text) == "auto") return cores;
    while (true) {  // once for each comma of the text
        const std::size_t comma = text.find(',');
        if (const auto appended = append_core_range(cores, without_blanks(text.substr(0, comma))); !appended) {
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

std::string format_size(std::uint64_t bytes) { return units::format(bytes, units::sizes, "B"); }
std::string format_duration(std::uint64_t ns) { return units::format(ns, units::durations, "s"); }

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
