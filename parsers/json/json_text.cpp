#include "parsers/json/json_text.hpp"

#include "engine/core/limits.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace sluice::parsers {
namespace {

std::size_t count_digits(std::string_view text) {
    std::size_t count = 0;
    while (count < text.size() && is_digit(text[count])) ++count;
    return count;
}

bool integer_fits(std::string_view token) {
    const char* const end = token.data() + token.size();
    if (token.front() == '-') {
        std::int64_t value = 0;
        return std::from_chars(token.data(), end, value).ec == std::errc{};
    }
    std::uint64_t value = 0;
    return std::from_chars(token.data(), end, value).ec == std::errc{};
}

// The power of ten of the first digit that is not 0 (5 for 123456, -3 for 0.0012), exponent included.
std::int64_t magnitude_of(std::string_view token) {
    constexpr std::int64_t exponent_limit = 1'000'000'000;
    const std::size_t exponent_at = std::min(token.find_first_of("eE"), token.size());
    const std::string_view mantissa = token.substr(0, exponent_at);
    const auto point = static_cast<std::int64_t>(std::min(mantissa.find('.'), mantissa.size()));
    const std::size_t first = mantissa.find_first_of("123456789");
    if (first == std::string_view::npos) return -exponent_limit;
    const std::int64_t place = point - static_cast<std::int64_t>(first);
    std::int64_t exponent = 0;
    const bool negative = token.substr(exponent_at).find('-') != std::string_view::npos;
    for (const char c : token.substr(exponent_at))
        if (is_digit(c) && exponent < exponent_limit) exponent = exponent * 10 + (c - '0');
    return (place > 0 ? place - 1 : place) + (negative ? -exponent : exponent);
}

// from_chars reports overflow and underflow alike; the magnitude tells them apart.
bool double_fits(std::string_view token) {
    double value = 0;
    if (std::from_chars(token.data(), token.data() + token.size(), value).ec == std::errc{}) return true;
    return magnitude_of(token) < 0;
}

constexpr std::ptrdiff_t block_bytes = 16;

bool is_space_block(const char* block) {
#ifdef __SSE2__
    __m128i bytes;
    std::memcpy(&bytes, block, sizeof bytes);
    const auto are = [bytes](char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); };
    return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(are(' '), are('\t')), _mm_or_si128(are('\n'), are('\r')))) ==
           0xffff;
#else
    return std::all_of(block, block + block_bytes, is_json_space);
#endif
}

// Digits that neither an integer (10^18 < 2^63) nor a double can overflow with.
constexpr std::size_t safe_digits_count = 18;

// One UTF-16 unit of `\uXXXX` at inside[at]; -1 if it is not one.
int unit_at(std::string_view inside, std::size_t at) {
    if (at + 6 > inside.size() || inside[at] != '\\' || inside[at + 1] != 'u') return -1;
    unsigned unit = 0;
    const char* const first = inside.data() + at + 2;
    const auto [end, error] = std::from_chars(first, first + 4, unit, 16);
    if (error != std::errc{} || end != first + 4) return -1;
    return static_cast<int>(unit);
}

bool is_high_surrogate(int unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low_surrogate(int unit) { return unit >= 0xDC00 && unit < 0xE000; }

// Length of the escape at inside[at], a surrogate pair being one; 0 if it is invalid.
std::size_t escape_size(std::string_view inside, std::size_t at) {
    if (at + 1 >= inside.size()) return 0;
    constexpr std::string_view simple = "\"\\/bfnrt";
    if (inside[at + 1] != 'u') return simple.find(inside[at + 1]) != std::string_view::npos ? 2 : 0;
    const int unit = unit_at(inside, at);
    if (unit < 0 || is_low_surrogate(unit)) return 0;
    if (!is_high_surrogate(unit)) return 6;
    return is_low_surrogate(unit_at(inside, at + 6)) ? 12 : 0;
}

}  // namespace

const char* behind_space_run(const char* begin, const char* end) {
    while (end - begin >= block_bytes && is_space_block(begin)) begin += block_bytes;
    return std::find_if_not(begin, end, is_json_space);
}

std::string_view trim_body(std::string_view text) {
    const char* const end = text.data() + text.size();
    const char* const begin = behind_space(text.data(), end);
    const char* last = end;
    while (last - begin >= block_bytes && is_space_block(last - block_bytes)) last -= block_bytes;
    return trim_end({begin, static_cast<std::size_t>(last - begin)});
}

NumberCheck check_number(std::string_view token) {
    std::string_view rest = token;
    if (rest.starts_with('-')) rest.remove_prefix(1);
    const std::size_t digits = count_digits(rest);
    if (digits == 0 || (digits > 1 && rest.front() == '0')) return NumberCheck::malformed;
    rest.remove_prefix(digits);
    bool is_integer = true;
    if (rest.starts_with('.')) {
        const std::size_t decimals = count_digits(rest.substr(1));
        if (decimals == 0) return NumberCheck::malformed;
        rest.remove_prefix(1 + decimals);
        is_integer = false;
    }
    if (rest.empty() && digits <= safe_digits_count) return NumberCheck::valid;
    if (rest.starts_with('e') || rest.starts_with('E')) {
        rest.remove_prefix(1);
        if (rest.starts_with('+') || rest.starts_with('-')) rest.remove_prefix(1);
        const std::size_t exponents = count_digits(rest);
        if (exponents == 0) return NumberCheck::malformed;
        rest.remove_prefix(exponents);
        is_integer = false;
    }
    if (!rest.empty()) return NumberCheck::malformed;
    return (is_integer ? integer_fits(token) : double_fits(token)) ? NumberCheck::valid : NumberCheck::out_of_range;
}

bool has_valid_escapes(std::string_view inside) {
    for (std::size_t at = inside.find('\\'); at != std::string_view::npos; at = inside.find('\\', at)) {
        const std::size_t size = escape_size(inside, at);
        if (size == 0) return false;
        at += size;
    }
    return true;
}

namespace {

// Behind the closing quote of the string at the begin of `text`; npos if it has none here.
std::size_t end_of_string(std::string_view text) {
    constexpr std::string_view ends = "\"\\";
    std::size_t at = text.find_first_of(ends, 1);
    while (at != std::string_view::npos && text[at] != '"') at = text.find_first_of(ends, at + 2);  // ends: goes on
    return at == std::string_view::npos ? at : at + 1;
}

// Behind the bracket that closes the one at the begin of `text`.
ValueExtent extent_of_container(std::string_view text) {
    std::size_t depth = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        at = text.find_first_of("\"{}[]", at);
        if (at == std::string_view::npos) break;
        if (text[at] == '"') {
            const std::size_t bytes = end_of_string(text.substr(at));
            if (bytes == std::string_view::npos) break;
            at += bytes - 1;
        } else if (text[at] == '{' || text[at] == '[') {
            if (++depth > limits::json_depth_max) return {ValueEnd::too_deep, at};
        } else if (--depth == 0) {
            return {ValueEnd::here, at + 1};
        }
    }
    return {ValueEnd::not_here, text.size()};
}

}  // namespace

ValueExtent extent_of_value(std::string_view text) {
    if (text.empty()) return {ValueEnd::not_here, 0};
    if (text.front() == '{' || text.front() == '[') return extent_of_container(text);
    const std::size_t end = text.front() == '"' ? end_of_string(text) : text.find_first_of(",]} \t\r\n");
    if (end == std::string_view::npos) return {ValueEnd::not_here, text.size()};
    return {ValueEnd::here, end};
}

}  // namespace sluice::parsers
