#include "engine/tenants/sample_policy.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::tenants {
namespace {

bool has_member(const Sample& sample, std::string_view name) {
    if (name == "type") return !sample.type.empty();
    if (name == "unit") return !sample.unit.empty();
    if (name == "value") return sample.values.empty();
    if (name == "values") return !sample.values.empty();
    if (name == "priority") return sample.priority != Priority::none;
    if (name == "metadata") return !sample.metadata.empty();
    return std::ranges::any_of(sample.others, [name](const Member& member) { return member.name == name; });
}

// Behind the string that begins at `at`, which is a quotation mark.
std::size_t string_end(std::string_view json, std::size_t at) {
    for (++at; at < json.size() && json[at] != '"'; ++at)
        if (json[at] == '\\') ++at;
    return std::min(at + 1, json.size());
}

}  // namespace

// The last `*` that was passed takes one character more at each failure: linear in practice, and at most the product of
// both lengths, which are bounded (limits::type_bytes_max).
bool matches_glob(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = std::string_view::npos, star_text = 0;
    while (t < text.size()) {  // ends: each turn takes a character, or moves the star's text on by one
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    return std::ranges::all_of(pattern.substr(p), [](char c) { return c == '*'; });
}

std::optional<Refusal> SamplePolicy::check(const Sample& sample, std::int64_t arrival_ns) const {
    if (!is_type_allowed(sample.type)) return Refusal::type_not_allowed;
    for (const std::string& name : required)
        if (!has_member(sample, name)) return Refusal::missing_member;
    if (!value_ranges.empty() && !is_in_range(sample)) return Refusal::value_out_of_range;
    // Both are since 1970 and before 2262: the difference fits.
    const std::int64_t behind_ns = sample.timestamp_ns - arrival_ns;
    if (past_ns_max != 0 && behind_ns < 0 && static_cast<std::uint64_t>(-behind_ns) > past_ns_max)
        return Refusal::timestamp_too_old;
    if (future_ns_max != 0 && behind_ns > 0 && static_cast<std::uint64_t>(behind_ns) > future_ns_max)
        return Refusal::timestamp_too_new;
    return std::nullopt;
}

bool SamplePolicy::is_type_allowed(std::string_view type) const {
    const auto is_match = [type](const std::string& glob) { return matches_glob(glob, type); };
    if (std::ranges::any_of(deny_types, is_match)) return false;
    return allow_types.empty() || (!type.empty() && std::ranges::any_of(allow_types, is_match));
}

bool SamplePolicy::is_in_range(const Sample& sample) const {
    if (!sample.values.empty()) return are_values_in_range(sample.values);
    return sample.value_kind != ValueKind::number || is_value_in_range(sample.type, sample.value);
}

// What is no number has no range.
bool SamplePolicy::is_value_in_range(std::string_view name, std::string_view number) const {
    const auto range = value_ranges.find(name);
    if (range == value_ranges.end()) return true;
    double value = 0;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), value);
    if (read.ec == std::errc::result_out_of_range) return false;
    return read.ec != std::errc{} || (value >= range->second.min && value <= range->second.max);
}

// `values` was checked: an object whose members are numbers, booleans and strings. A name that is written with escapes
// has no range.
bool SamplePolicy::are_values_in_range(std::string_view values) const {
    for (std::size_t at = values.find('"'); at < values.size(); at = values.find('"', at)) {  // a member each turn
        const std::size_t name_end = string_end(values, at);
        const std::string_view name = values.substr(at + 1, name_end - at - 2);
        const std::size_t colon = values.find(':', name_end);
        const std::size_t begin = values.find_first_not_of(" \t\r\n", std::min(colon, values.size() - 1) + 1);
        if (begin == std::string_view::npos) return true;
        if (values[begin] == '"') {
            at = string_end(values, begin);
            continue;
        }
        at = std::min(values.find(',', begin), values.size());
        if (!is_value_in_range(name, values.substr(begin, at - begin))) return false;
    }
    return true;
}

}  // namespace sluice::tenants
