#include "parsers/timestamp.hpp"

#include <array>
#include <bit>
#include <chrono>
#include <cstring>
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

// Not a number of seconds that a text can mean; far enough from int64's end to be added to.
constexpr std::int64_t not_a_time = std::numeric_limits<std::int64_t>::min() / 4;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads digits at fixed places, without a branch for each: a character that is no digit leaves `failed` set.
struct DigitReader {
    const char* text;
    bool failed = false;

    unsigned digit(std::size_t at) {
        const unsigned value = static_cast<unsigned char>(text[at]) - unsigned{'0'};
        failed |= value > 9;
        return value;
    }
    unsigned two(std::size_t at) { return digit(at) * 10 + digit(at + 1); }
    void expect(std::size_t at, char c) { failed |= text[at] != c; }
};

constexpr std::size_t head_size = std::string_view{"2025-12-29T17:03:57"}.size();

// Seconds since 1970 of the midnight that `YYYY-MM-DD` begins with.
std::int64_t date_s(const char* text) {
    using namespace std::chrono;
    DigitReader read{text};
    const unsigned y = read.two(0) * 100 + read.two(2);
    const unsigned m = read.two(5), d = read.two(8);
    read.expect(4, '-');
    read.expect(7, '-');
    const year_month_day date{year{static_cast<int>(y)}, month{m}, day{d}};
    if (read.failed || !date.ok()) return not_a_time;
    return std::int64_t{sys_days{date}.time_since_epoch().count()} * 86'400;
}

std::int64_t cached_date_s(const char* text, DateCache& cache) {
    if (std::memcmp(text, cache.text.data(), cache.text.size()) == 0) return cache.midnight_s;
    const std::int64_t midnight_s = date_s(text);
    if (midnight_s == not_a_time) return not_a_time;
    std::memcpy(cache.text.data(), text, cache.text.size());
    cache.midnight_s = midnight_s;
    return midnight_s;
}

// A leap second has no epoch number: it is read as the last nanosecond before it.
constexpr std::int64_t leap_fraction_ns = ns_per_s - 1;

bool is_leap_second(const char* text) { return text[7] == '6' && text[8] == '0'; }

// Seconds since midnight of `Thh:mm:ss`. The eight bytes behind the T are checked and read at once, a byte of a word
// each: less their `00:00:00`, none may exceed its own greatest value.
std::int64_t time_s(const char* text) {
    static_assert(std::endian::native == std::endian::little, "the first character is the lowest byte");
    constexpr std::uint64_t zeros = 0x30'30'3A'30'30'3A'30'30;  // "00:00:00"
    constexpr std::uint64_t greatest = 0x09'05'00'09'05'00'09'02;  // "29:59:59" less that
    constexpr std::uint64_t tops = 0x80'80'80'80'80'80'80'80;
    if (text[0] != 'T' && text[0] != ' ' && text[0] != 't') return not_a_time;
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text + 1, sizeof bytes);
    const std::uint64_t digits = bytes ^ zeros;  // of digits and colons, the same as the difference
    if (((digits | (digits + (~tops - greatest))) & tops) != 0) return not_a_time;
    const std::uint64_t pairs = digits * 10 + (digits >> 8);  // each byte: ten times its digit and the next one
    const auto hours = static_cast<std::int64_t>(pairs & 0xFF), minutes = static_cast<std::int64_t>(pairs >> 24 & 0xFF),
               seconds = static_cast<std::int64_t>(pairs >> 48 & 0xFF);
    return hours > 23 ? not_a_time : hours * 3600 + minutes * 60 + seconds;
}

// The same of `Thh:mm:60`, as its second 59.
std::int64_t leap_time_s(const char* text) {
    std::array<char, head_size - DateCache{}.text.size()> second_59{};
    std::memcpy(second_59.data(), text, second_59.size() - 2);
    second_59[7] = '5';
    second_59[8] = '9';
    return time_s(second_59.data());
}

// ns of `.123`, which is cut off `rest`; 0 where there is no fraction. What is below a nanosecond is dropped.
std::int64_t take_fraction_ns(std::string_view& rest) {
    if (!rest.starts_with('.')) return 0;
    std::uint64_t value = 0;
    std::size_t width = 0;
    for (; width + 1 < rest.size() && width < 9 && is_digit(rest[width + 1]); ++width)
        value = value * 10 + static_cast<std::uint64_t>(rest[width + 1] - '0');
    if (width == 0) return 0;  // the point is left over
    rest.remove_prefix(width + 1);
    while (width == 9 && !rest.empty() && is_digit(rest.front())) rest.remove_prefix(1);
    return static_cast<std::int64_t>(value * powers_of_ten[9 - width]);
}

// Seconds that a zone is ahead of UTC; `zone` is all that is left of the text.
std::int64_t offset_s(std::string_view zone) {
    if (zone.empty() || zone == "Z" || zone == "z") return 0;
    const bool has_colon = zone.size() == 6 && zone[3] == ':';
    const bool has_minutes = has_colon || zone.size() == 5;
    if ((!has_minutes && zone.size() != 3) || (zone[0] != '+' && zone[0] != '-')) return not_a_time;
    DigitReader read{zone.data()};
    const unsigned hours = read.two(1);
    const unsigned minutes = has_minutes ? read.two(has_colon ? 4 : 3) : 0;
    if (read.failed || hours > 23 || minutes > 59) return not_a_time;
    const std::int64_t offset = std::int64_t{hours} * 3600 + std::int64_t{minutes} * 60;
    return zone[0] == '-' ? -offset : offset;
}

std::int64_t in_range(std::int64_t seconds, std::int64_t fraction_ns) {
    std::int64_t ns = 0;
    if (seconds < 0 || __builtin_mul_overflow(seconds, ns_per_s, &ns) || __builtin_add_overflow(ns, fraction_ns, &ns))
        return no_timestamp;
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
    if (number.size() <= 19) {  // nearly always: an integer
        std::size_t i = 0;
        for (; i < number.size() && is_digit(number[i]); ++i)
            decimal.mantissa = decimal.mantissa * 10 + static_cast<std::uint64_t>(number[i] - '0');
        if (i == number.size()) return decimal;
        decimal = {};
    }
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

// mantissa * 10^(exponent + shift), cut off to an integer; no_timestamp if it exceeds int64.
std::int64_t scaled(const Decimal& decimal, int shift) {
    const std::int64_t exponent = decimal.exponent + shift;
    if (decimal.mantissa == 0 || exponent <= -20) return 0;
    if (exponent >= 20) return no_timestamp;
    std::uint64_t value = 0;
    if (exponent < 0) {
        value = decimal.mantissa / powers_of_ten[static_cast<std::size_t>(-exponent)];
    } else if (__builtin_mul_overflow(decimal.mantissa, powers_of_ten[static_cast<std::size_t>(exponent)], &value)) {
        return no_timestamp;
    }
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return no_timestamp;
    return static_cast<std::int64_t>(value);
}

Precision precision_by_magnitude(const Decimal& decimal) {
    const std::int64_t whole = scaled(decimal, 0);
    if (whole == no_timestamp) return Precision::ns;  // beyond int64 in every unit
    if (whole < epoch_s_below) return Precision::s;
    if (whole < epoch_ms_below) return Precision::ms;
    if (whole < epoch_us_below) return Precision::us;
    return Precision::ns;
}

int digits_to_ns(Precision precision) {
    switch (precision) {
        case Precision::h:
        case Precision::m: break;  // of line protocol, which reads its own
        case Precision::s: return 9;
        case Precision::ms: return 6;
        case Precision::us: return 3;
        case Precision::ns:
        case Precision::by_magnitude: break;
    }
    return 0;
}

}  // namespace

std::int64_t parse_timestamp_text(std::string_view text, DateCache& cache) {
    if (text.size() < head_size) return no_timestamp;
    const std::int64_t midnight_s = cached_date_s(text.data(), cache);
    std::int64_t since_midnight_s = time_s(text.data() + cache.text.size());
    std::string_view rest = text.substr(head_size);
    std::int64_t fraction_ns = take_fraction_ns(rest);
    if (since_midnight_s == not_a_time && is_leap_second(text.data() + cache.text.size())) {
        since_midnight_s = leap_time_s(text.data() + cache.text.size());
        fraction_ns = leap_fraction_ns;
    }
    const std::int64_t ahead_s = offset_s(rest);
    if (midnight_s == not_a_time || since_midnight_s == not_a_time || ahead_s == not_a_time) return no_timestamp;
    return in_range(midnight_s + since_midnight_s - ahead_s, fraction_ns);
}

std::int64_t parse_timestamp_number(std::string_view number, Precision precision) {
    if (number.empty()) return no_timestamp;
    const bool is_negative = number.front() == '-';
    const Decimal decimal = decimal_of(is_negative ? number.substr(1) : number);
    if (is_negative && decimal.mantissa != 0) return no_timestamp;
    if (precision == Precision::by_magnitude) precision = precision_by_magnitude(decimal);
    return scaled(decimal, digits_to_ns(precision));
}

}  // namespace sluice::parsers
