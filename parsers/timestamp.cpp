#include "parsers/timestamp.hpp"

#include <array>
#include <chrono>
#include <limits>

namespace sluice::parsers {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::array<std::uint64_t, 20> powers_of_ten = [] {
    std::array<std::uint64_t, 20> powers{};
    std::uint64_t power = 1;
    for (std::uint64_t& entry : powers) {
        entry = power;
        power *= 10;
    }
    return powers;
}();

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A cursor over the text. Fixed-width numbers are read without branches on their digits; a character that
// is no digit leaves `failed` set.
struct Scanner {
    std::string_view rest;
    bool failed = false;

    template <std::size_t width>
    unsigned number() {
        if (rest.size() < width) {
            failed = true;
            return 0;
        }
        unsigned value = 0;
        for (std::size_t i = 0; i < width; ++i) value = value * 10 + digit(rest[i]);
        rest.remove_prefix(width);
        return value;
    }
    unsigned digit(char c) {
        const unsigned value = static_cast<unsigned char>(c) - unsigned{'0'};
        failed |= value > 9;
        return value;
    }
    bool take(char c) {
        if (rest.empty() || rest.front() != c) return false;
        rest.remove_prefix(1);
        return true;
    }
    void expect(char c) { failed |= !take(c); }
};

// ns of `.123`, or 0 where there is no fraction.
std::int64_t take_fraction_ns(Scanner& scanner) {
    if (!scanner.take('.')) return 0;
    std::uint64_t value = 0;
    std::size_t width = 0;
    for (; width < scanner.rest.size() && width < 9 && is_digit(scanner.rest[width]); ++width)
        value = value * 10 + scanner.digit(scanner.rest[width]);
    scanner.rest.remove_prefix(width);
    scanner.failed |= width == 0;  // a tenth digit is left over, and refused as such
    return static_cast<std::int64_t>(value * powers_of_ten[9 - width]);
}

// Seconds that the zone is ahead of UTC.
std::int64_t take_offset_s(Scanner& scanner) {
    if (scanner.rest.empty() || scanner.take('Z') || scanner.take('z')) return 0;
    const bool behind = scanner.take('-');
    if (!behind) scanner.expect('+');
    const unsigned hours = scanner.number<2>();
    scanner.take(':');
    const unsigned minutes = scanner.number<2>();
    scanner.failed |= hours > 23 || minutes > 59;
    const std::int64_t offset_s = std::int64_t{hours} * 3600 + std::int64_t{minutes} * 60;
    return behind ? -offset_s : offset_s;
}

std::int64_t take_date_s(Scanner& scanner) {
    using namespace std::chrono;
    const unsigned y = scanner.number<4>();
    scanner.expect('-');
    const unsigned m = scanner.number<2>();
    scanner.expect('-');
    const unsigned d = scanner.number<2>();
    if (scanner.failed) return 0;
    const year_month_day date{year{static_cast<int>(y)}, month{m}, day{d}};
    scanner.failed = !date.ok();
    return std::int64_t{sys_days{date}.time_since_epoch().count()} * 86'400;
}

std::int64_t take_time_s(Scanner& scanner) {
    const unsigned hours = scanner.number<2>();
    scanner.expect(':');
    const unsigned minutes = scanner.number<2>();
    scanner.expect(':');
    const unsigned seconds = scanner.number<2>();
    scanner.failed |= hours > 23 || minutes > 59 || seconds > 59;
    return std::int64_t{hours} * 3600 + std::int64_t{minutes} * 60 + seconds;
}

std::optional<std::int64_t> in_range(std::int64_t seconds, std::int64_t fraction_ns) {
    std::int64_t ns = 0;
    if (seconds < 0 || __builtin_mul_overflow(seconds, ns_per_s, &ns) || __builtin_add_overflow(ns, fraction_ns, &ns))
        return std::nullopt;
    return ns;
}

// A non-negative decimal number: mantissa * 10^exponent.
struct Decimal {
    std::uint64_t mantissa = 0;
    std::int64_t exponent = 0;
};

constexpr std::int64_t exponent_limit = 100'000;  // beyond it the value is 0 or out of range anyway

std::int64_t take_exponent(std::string_view digits) {
    const bool negative = digits.front() == '-';
    if (negative || digits.front() == '+') digits.remove_prefix(1);
    std::int64_t exponent = 0;
    for (const char c : digits)
        if (exponent < exponent_limit) exponent = exponent * 10 + (c - '0');
    return negative ? -exponent : exponent;
}

Decimal decimal_of(std::string_view number) {
    Decimal decimal;
    bool behind_point = false;
    for (std::size_t i = 0; i < number.size(); ++i) {
        const char c = number[i];
        if (c == '.') {
            behind_point = true;
        } else if (c == 'e' || c == 'E') {
            decimal.exponent += take_exponent(number.substr(i + 1));
            break;
        } else if (decimal.mantissa < powers_of_ten[18]) {
            decimal.mantissa = decimal.mantissa * 10 + static_cast<std::uint64_t>(c - '0');
            decimal.exponent -= behind_point ? 1 : 0;
        } else {
            decimal.exponent += behind_point ? 0 : 1;  // a 20th digit: cut off, but it still has a place value
        }
    }
    return decimal;
}

// mantissa * 10^(exponent + shift), cut off to an integer; nothing if it exceeds int64.
std::optional<std::int64_t> scaled(const Decimal& decimal, int shift) {
    const std::int64_t exponent = decimal.exponent + shift;
    if (decimal.mantissa == 0 || exponent <= -20) return 0;
    if (exponent >= 20) return std::nullopt;
    std::uint64_t value = 0;
    if (exponent < 0) {
        value = decimal.mantissa / powers_of_ten[static_cast<std::size_t>(-exponent)];
    } else if (__builtin_mul_overflow(decimal.mantissa, powers_of_ten[static_cast<std::size_t>(exponent)], &value)) {
        return std::nullopt;
    }
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
    return static_cast<std::int64_t>(value);
}

Precision precision_by_magnitude(const Decimal& decimal) {
    const std::int64_t whole = scaled(decimal, 0).value_or(std::numeric_limits<std::int64_t>::max());
    if (whole < epoch_s_below) return Precision::s;
    if (whole < epoch_ms_below) return Precision::ms;
    if (whole < epoch_us_below) return Precision::us;
    return Precision::ns;
}

int digits_to_ns(Precision precision) {
    switch (precision) {
        case Precision::s: return 9;
        case Precision::ms: return 6;
        case Precision::us: return 3;
        case Precision::ns:
        case Precision::by_magnitude: break;
    }
    return 0;
}

}  // namespace

std::optional<std::int64_t> parse_timestamp_text(std::string_view text) {
    Scanner scanner{text};
    const std::int64_t date_s = take_date_s(scanner);
    if (!scanner.take('T') && !scanner.take(' ')) scanner.expect('t');
    const std::int64_t time_s = take_time_s(scanner);
    const std::int64_t fraction_ns = take_fraction_ns(scanner);
    const std::int64_t offset_s = take_offset_s(scanner);
    if (scanner.failed || !scanner.rest.empty()) return std::nullopt;
    return in_range(date_s + time_s - offset_s, fraction_ns);
}

std::optional<std::int64_t> parse_timestamp_number(std::string_view number, Precision precision) {
    if (number.empty() || number.front() == '-') return std::nullopt;
    const Decimal decimal = decimal_of(number);
    if (precision == Precision::by_magnitude) precision = precision_by_magnitude(decimal);
    return scaled(decimal, digits_to_ns(precision));
}

}  // namespace sluice::parsers
