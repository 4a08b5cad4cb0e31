#include "engine/tenants/sample_policy.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "engine/core/limits.hpp"

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

// A longer name has no range.
using NameBuffer = std::array<char, limits::type_bytes_max>;

// What four hexadecimal digits say, which were checked.
std::uint32_t code_unit(std::string_view digits) {
    std::uint32_t unit = 0;
    static_cast<void>(std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16));
    return unit;
}

// Takes the escape that `text` begins with (RFC 8259 section 7); surrogates stand in pairs.
std::uint32_t take_escape(std::string_view& text) {
    constexpr std::string_view letters = "bfnrt", meanings = "\b\f\n\r\t";
    const char letter = text.substr(1).empty() ? '\0' : text[1];
    text.remove_prefix(std::min<std::size_t>(2, text.size()));
    if (letter != 'u') {
        const std::size_t at = letters.find(letter);
        return static_cast<unsigned char>(at == std::string_view::npos ? letter : meanings[at]);
    }
    const auto take_unit = [&text] {
        const std::uint32_t unit = code_unit(text.substr(0, 4));
        text.remove_prefix(std::min<std::size_t>(4, text.size()));
        return unit;
    };
    const std::uint32_t high = take_unit();
    if (high < 0xD800 || high > 0xDBFF || !text.starts_with("\\u")) return high;
    text.remove_prefix(2);
    return 0x10000 + ((high - 0xD800) << 10) + (take_unit() - 0xDC00);
}

// In UTF-8 (RFC 3629 section 3); how many bytes.
std::size_t write_utf8(std::uint32_t code, std::array<char, 4>& to) {
    constexpr std::array<std::uint32_t, 5> heads{0, 0, 0xC0, 0xE0, 0xF0};  // by the number of bytes
    const std::size_t bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (std::size_t i = bytes - 1; i > 0; --i, code >>= 6) to[i] = static_cast<char>(0x80 | (code & 0x3F));
    to[0] = static_cast<char>(heads[bytes] | code);
    return bytes;
}

// `inside`: of a string, which was checked. Empty: it is longer than a name that has a range.
std::string_view unescaped(std::string_view inside, NameBuffer& buffer) {
    if (!inside.contains('\\')) return inside;
    std::size_t bytes = 0;
    while (!inside.empty()) {  // ends: each turn takes a character
        std::array<char, 4> piece{inside.front()};
        std::size_t piece_bytes = 1;
        if (inside.front() == '\\') piece_bytes = write_utf8(take_escape(inside), piece);
        else inside.remove_prefix(1);
        if (piece_bytes > buffer.size() - bytes) return {};
        bytes += std::string_view(piece.data(), piece_bytes).copy(buffer.data() + bytes, piece_bytes);
    }
    return {buffer.data(), bytes};
}

// A sample that says that there is no value has none that could be out of range: Prometheus ends a series so.
bool is_stale(const Sample& sample) {
    return sample.value == "NaN" && std::ranges::any_of(sample.others, [](const Member& member) {
               return member.name == "stale" && member.value == "true";
           });
}

// Of a number that no double can hold: whether it is too near to 0, and not too large.
bool is_near_zero(std::string_view number) {
    constexpr std::string_view digits = "123456789";
    const std::size_t exponent_begin = std::min(number.find_first_of("eE"), number.size());
    const std::string_view mantissa = number.substr(0, exponent_begin);
    std::string_view text = number.substr(std::min(exponent_begin + 1, number.size()));
    if (text.starts_with('+')) text.remove_prefix(1);
    std::int32_t exponent = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), exponent).ec == std::errc::result_out_of_range)
        return text.starts_with('-');
    const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
    const std::size_t first = std::min(mantissa.find_first_of(digits), mantissa.size());
    return static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first) + exponent < 0;
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
    if (!sample.values.empty()) return are_values_in_range(sample);
    const auto* const range = find_range(sample.type);
    if (range == nullptr || is_stale(sample)) return true;
    return sample.value_kind == ValueKind::number && range->has(sample.value);
}

const ValueRange* SamplePolicy::find_range(std::string_view name) const {
    const auto range = value_ranges.find(name);
    return range == value_ranges.end() ? nullptr : &range->second;
}

// `number` was checked: what no double can hold is too near to 0. But a policy does not rely on it.
bool ValueRange::has(std::string_view number) const {
    double value = 0;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), value);
    const bool is_whole = read.ptr == number.data() + number.size();
    if (read.ec == std::errc::result_out_of_range) return is_whole && is_near_zero(number) && min <= 0 && max >= 0;
    return read.ec == std::errc{} && is_whole && value >= min && value <= max;
}

// `values` was checked: an object whose members are numbers, booleans and strings, each name once. A member `value`
// beside others is the sample's value, so its range is that of the type, too.
bool SamplePolicy::are_values_in_range(const Sample& sample) const {
    const std::string_view values = sample.values;
    NameBuffer buffer;
    for (std::size_t at = values.find('"'); at < values.size(); at = values.find('"', at)) {  // a member each turn
        const std::size_t name_end = string_end(values, at);
        const std::string_view name = unescaped(values.substr(at + 1, name_end - at - 2), buffer);
        const std::size_t colon = values.find(':', name_end);
        const std::size_t begin = values.find_first_not_of(" \t\r\n", std::min(colon, values.size() - 1) + 1);
        if (begin == std::string_view::npos) return true;
        const bool is_string = values[begin] == '"';
        at = is_string ? string_end(values, begin) : std::min(values.find_first_of(", }\t\r\n", begin), values.size());
        const std::string_view text = values.substr(begin, at - begin);
        const auto is_good = [&](const ValueRange* range) { return range == nullptr || range->has(text); };
        if (!is_good(find_range(name)) || (name == "value" && !is_good(find_range(sample.type)))) return false;
    }
    return true;
}

}  // namespace sluice::tenants
