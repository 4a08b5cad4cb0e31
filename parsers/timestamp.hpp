// Time stamps of samples: ISO 8601 text and epoch numbers, to nanoseconds since 1970. No clock, no locale.
//
// Text: `YYYY-MM-DD`, then `T`, `t` or a space, `hh:mm:ss`, an optional fraction, of which nine digits count, and a
// zone: `Z`, `z`, `±hh:mm`, `±hhmm`, `±hh`, or none for UTC. Second 60 of any minute is read as 59.999999999: a leap
// second has no epoch number, and which are ones is announced half a year before. Dates that do not exist and hour 24
// are refused. Range: 1970-01-01T00:00:00Z to 2262-04-11T23:47:16.854775807Z (int64).
//
// Rejected: strptime and std::chrono::parse, which consult locales and take formats that this contract does not.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sluice::parsers {

// m and h: minutes and hours, which line protocol has.
enum class Precision : std::uint8_t { by_magnitude, h, m, s, ms, us, ns };

// Which unit an epoch number has when the request does not say. In seconds 1e11 is the year 5138, in
// milliseconds 1e14 is 5138 again, and so on: no time stamp of this century is ambiguous.
inline constexpr std::int64_t epoch_s_below = 100'000'000'000;
inline constexpr std::int64_t epoch_ms_below = 100'000'000'000'000;
inline constexpr std::int64_t epoch_us_below = 100'000'000'000'000'000;

// What the functions below return for text that is no time stamp, or one out of range. Not an optional: returned
// in registers, one is written as a byte and read back as a word, on which g++ 12's code stalled: a fifth of the
// profile's samples in the parser.
inline constexpr std::int64_t no_timestamp = -1;

// The date that was read last. Samples that arrive together nearly always share it, which spares the
// calendar. Owned by one decoder.
struct DateCache {
    std::array<char, 10> text{};  // `YYYY-MM-DD`
    std::int64_t midnight_s = 0;
};

// ns since 1970 of `text`.
[[nodiscard]] std::int64_t parse_timestamp_text(std::string_view text, DateCache& cache);

// `number` is a JSON number that was checked already; fractions and exponents are taken exactly, digits
// below a nanosecond are cut off. Negative numbers are refused; -0 is 0.
[[nodiscard]] std::int64_t parse_timestamp_number(std::string_view number, Precision precision);

}  // namespace sluice::parsers
