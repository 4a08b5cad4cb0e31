#include "parsers/json_writer.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "parsers/short_decimal.hpp"

namespace sluice::parsers {
namespace {

bool needs_escape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

// An integer whose shortest text is its digits: with five zeros behind, an exponent would be shorter. -0 is none.
bool is_short_integer(double value) {
    constexpr double exact_max = 9'007'199'254'740'992.0;  // 2^53: each integer up to it is a double
    if (!(std::abs(value) < exact_max)) return false;
    const auto integer = static_cast<std::int64_t>(value);
    return static_cast<double>(integer) == value && integer % 100'000 != 0;
}

}  // namespace

template <typename Number>
void JsonWriter::any_number(Number value) {
    constexpr std::size_t digits_max = 32;
    if (!has_room(digits_max)) return;  // also where it would just fit
    char* const to = text_.get() + bytes_;
    bytes_ = static_cast<std::size_t>(std::to_chars(to, to + digits_max, value).ptr - text_.get());
}

void JsonWriter::number(std::int64_t value) { any_number(value); }
void JsonWriter::natural(std::uint64_t value) { any_number(value); }

void JsonWriter::real(double value) {
    if (std::isnan(value)) return raw("\"NaN\"");
    if (std::isinf(value)) return raw(value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    if (is_short_integer(value)) {
        any_number(static_cast<std::int64_t>(value));
        return raw(".0");
    }
    if (const ShortDecimal decimal = short_decimal_of(value); decimal.places_count != 0) return with_point(decimal);
    const std::size_t begin = bytes_;
    any_number(value);
    if (since(begin).find_first_of(".e") == std::string_view::npos) raw(".0");
}

void JsonWriter::with_point(const ShortDecimal& decimal) {
    constexpr std::size_t text_bytes_max = 32;
    if (!has_room(text_bytes_max)) return;
    char* to = text_.get() + bytes_;
    if (decimal.digits < 0) *to++ = '-';
    const auto digits = static_cast<std::uint64_t>(std::abs(decimal.digits));
    const auto unit = static_cast<std::uint64_t>(decimal.unit());
    to = std::to_chars(to, to + text_bytes_max, digits / unit).ptr;
    *to++ = '.';
    std::uint64_t rest = digits % unit;
    for (unsigned i = decimal.places_count; i > 0; --i, rest /= 10) to[i - 1] = static_cast<char>('0' + rest % 10);
    bytes_ = static_cast<std::size_t>(to + decimal.places_count - text_.get());
}

void JsonWriter::escaped_string(std::string_view text) {
    raw('"');
    inside(text);
    raw('"');
}

void JsonWriter::inside(std::string_view text) {
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (!needs_escape(text[at])) continue;
        raw(text.substr(begin, at - begin));
        inside(text[at]);
        begin = at + 1;
    }
    raw(text.substr(begin));
}

void JsonWriter::inside(char c) {
    constexpr std::string_view digits = "0123456789abcdef";
    if (!needs_escape(c)) return raw(c);
    switch (c) {
        case '"': return raw("\\\"");
        case '\\': return raw("\\\\");
        case '\n': return raw("\\n");
        case '\r': return raw("\\r");
        case '\t': return raw("\\t");
        default: break;
    }
    const auto value = static_cast<unsigned char>(c);
    const std::array<char, 6> escape{'\\', 'u', '0', '0', digits[value >> 4], digits[value & 15]};
    raw({escape.data(), escape.size()});
}

}  // namespace sluice::parsers
