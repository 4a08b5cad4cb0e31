#include "parsers/influx/line_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <system_error>

namespace sluice::parsers::line {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr std::array<std::string_view, 5> words_of_true{"t", "T", "true", "True", "TRUE"};
constexpr std::array<std::string_view, 5> words_of_false{"f", "F", "false", "False", "FALSE"};

// JSON has no zeros in front; one digit stays.
std::string_view without_leading_zeros(std::string_view digits) {
    return digits.substr(std::min(digits.find_first_not_of('0'), digits.size() - 1));
}

template <typename Integer>
std::optional<Refusal> write_integer(std::string_view digits, bool is_negative, JsonWriter& out) {
    if (digits.empty() || !std::ranges::all_of(digits, is_digit)) return Refusal::bad_field_value;
    digits = without_leading_zeros(digits);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const std::uint64_t limit = static_cast<std::uint64_t>(std::numeric_limits<Integer>::max()) + (is_negative ? 1 : 0);
    if (error != std::errc{} || value > limit) return Refusal::number_out_of_range;
    if (is_negative && value != 0) out.raw('-');
    out.raw(digits);
    return std::nullopt;
}

// digits, of them the first part of `text`.
std::string_view take_digits(std::string_view& text) {
    const auto end = std::ranges::find_if_not(text, is_digit);
    const std::string_view digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(digits.size());
    return digits;
}

// The parts of a number: `whole`.`decimals` and `exponent`, which has its sign and no letter.
struct Parts {
    std::string_view whole, decimals, exponent;
};

// About where the first digit that counts stands: above 0 for numbers above 1.
std::int64_t magnitude_of(const Parts& parts) {
    const std::size_t first = parts.whole.find_first_not_of('0');
    const std::size_t zeros = std::min(parts.decimals.find_first_not_of('0'), parts.decimals.size());
    std::string_view text = parts.exponent;
    if (text.starts_with('+')) text.remove_prefix(1);
    std::int32_t exponent = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), exponent).ec == std::errc::result_out_of_range)
        exponent = text.starts_with('-') ? -1'000'000'000 : 1'000'000'000;
    if (first != std::string_view::npos) return static_cast<std::int64_t>(parts.whole.size() - first) + exponent;
    return exponent - static_cast<std::int64_t>(zeros);
}

// Whether a double is too small for it; one that is too near to 0 is 0. `number` has a digit.
bool overflows(std::string_view number, const Parts& parts) {
    constexpr std::size_t digits_never_too_large = 308;
    if (parts.exponent.empty() && parts.whole.size() <= digits_never_too_large) return false;
    double value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    return error == std::errc::result_out_of_range && magnitude_of(parts) > 0;
}

// The exponent behind its letter, with at least one digit; or nothing.
std::optional<std::string_view> exponent_of(std::string_view text) {
    if (text.empty()) return std::string_view{};
    if (text.front() != 'e' && text.front() != 'E') return std::nullopt;
    text.remove_prefix(1);
    std::string_view digits = text;
    if (digits.starts_with('+') || digits.starts_with('-')) digits.remove_prefix(1);
    if (digits.empty() || !std::ranges::all_of(digits, is_digit)) return std::nullopt;
    return text;
}

std::optional<Refusal> write_float(std::string_view token, JsonWriter& out) {
    std::string_view rest = token;
    const bool is_negative = rest.starts_with('-');
    if (is_negative) rest.remove_prefix(1);
    const std::string_view whole = take_digits(rest);
    const bool has_point = rest.starts_with('.');
    if (has_point) rest.remove_prefix(1);
    const std::string_view decimals = has_point ? take_digits(rest) : std::string_view{};
    if (whole.empty() && decimals.empty()) return Refusal::bad_field_value;
    const auto exponent = exponent_of(rest);
    if (!exponent) return Refusal::bad_field_value;
    if (overflows(token, {whole, decimals, *exponent})) return Refusal::number_out_of_range;
    if (is_negative) out.raw('-');
    out.raw(whole.empty() ? std::string_view("0") : without_leading_zeros(whole));
    if (has_point || exponent->empty()) {
        out.raw('.');
        out.raw(decimals.empty() ? std::string_view("0") : decimals);
    }
    out.raw(rest);  // with its letter
    return std::nullopt;
}

}  // namespace

std::optional<Refusal> write_bare_value(std::string_view token, JsonWriter& out, bool& is_boolean) {
    is_boolean = false;
    if (token.empty()) return Refusal::bad_field_value;
    const char first = token.front();
    if (is_digit(first) || first == '-' || first == '.') {
        const bool is_negative = first == '-';
        const std::string_view digits = token.substr(is_negative ? 1 : 0, token.size() - 1 - (is_negative ? 1 : 0));
        if (token.size() > 1 && token.back() == 'i') return write_integer<std::int64_t>(digits, is_negative, out);
        if (token.size() > 1 && token.back() == 'u') {
            if (is_negative) return Refusal::bad_field_value;
            return write_integer<std::uint64_t>(digits, false, out);
        }
        return write_float(token, out);
    }
    const bool is_true = std::ranges::find(words_of_true, token) != words_of_true.end();
    is_boolean = is_true || std::ranges::find(words_of_false, token) != words_of_false.end();
    if (!is_boolean) return Refusal::bad_field_value;
    out.raw(is_true ? std::string_view("true") : std::string_view("false"));
    return std::nullopt;
}

}  // namespace sluice::parsers::line
