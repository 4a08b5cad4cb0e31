// Time stamps: every accepted form, and every way to be refused.
// runs: release asan
#include "parsers/timestamp.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace {

using sluice::parsers::no_timestamp;
using sluice::parsers::parse_timestamp_number;
using sluice::parsers::Precision;

// Twice, so that the second time the date comes from the cache.
std::int64_t parse_timestamp_text(std::string_view text) {
    sluice::parsers::DateCache cache;
    const std::int64_t timestamp_ns = sluice::parsers::parse_timestamp_text(text, cache);
    EXPECT_EQ(sluice::parsers::parse_timestamp_text(text, cache), timestamp_ns) << text;
    return timestamp_ns;
}

constexpr std::int64_t ns_per_s = 1'000'000'000;

struct TextCase {
    std::string_view text;
    std::optional<std::int64_t> timestamp_ns;
};

constexpr std::int64_t reference_s = 1'767'027'837;  // 2025-12-29T17:03:57Z, by date(1)
constexpr std::int64_t reference_ns = reference_s * ns_per_s;

const TextCase text_cases[] = {
    {"2025-12-29T17:03:57.123Z", reference_ns + 123'000'000},
    {"2025-12-29T17:03:57Z", reference_ns},
    {"2025-12-29 17:03:57Z", reference_ns},
    {"2025-12-29t17:03:57z", reference_ns},
    {"2025-12-29T17:03:57", reference_ns},
    {"2025-12-29T17:03:57.1", reference_ns + 100'000'000},
    {"2025-12-29T17:03:57.123456789Z", reference_ns + 123'456'789},
    {"2025-12-29T18:03:57+01:00", reference_ns},
    {"2025-12-29T18:03:57+0100", reference_ns},
    {"2025-12-29T11:33:57.5-05:30", reference_ns + 500'000'000},
    {"2025-12-29T17:03:57-00:00", reference_ns},
    {"1970-01-01T00:00:00Z", 0},
    {"1969-12-31T23:00:00-02:00", 3600 * ns_per_s},
    {"2024-02-29T00:00:00Z", 1'709'164'800 * ns_per_s},
    {"2000-02-29T00:00:00Z", 951'782'400 * ns_per_s},
    {"2262-04-11T23:47:16.854775807Z", std::numeric_limits<std::int64_t>::max()},
    {"2262-04-11T23:47:16.854775808Z", std::nullopt},
    {"2263-01-01T00:00:00Z", std::nullopt},
    {"1969-12-31T23:59:59Z", std::nullopt},
    {"1970-01-01T00:00:00+00:01", std::nullopt},
    {"0000-01-01T00:00:00Z", std::nullopt},
    {"9999-12-31T23:59:59Z", std::nullopt},
    {"2025-02-29T00:00:00Z", std::nullopt},
    {"1900-02-29T00:00:00Z", std::nullopt},
    {"2025-04-31T00:00:00Z", std::nullopt},
    {"2025-00-01T00:00:00Z", std::nullopt},
    {"2025-13-01T00:00:00Z", std::nullopt},
    {"2025-12-00T00:00:00Z", std::nullopt},
    {"2025-12-32T00:00:00Z", std::nullopt},
    {"2025-12-29T24:00:00Z", std::nullopt},
    {"2025-12-29T17:60:00Z", std::nullopt},
    {"2016-12-31T23:59:60Z", 1'483'228'799 * ns_per_s + 999'999'999},  // a leap second that happened
    {"2016-12-31T23:59:60.25Z", 1'483'228'799 * ns_per_s + 999'999'999},
    {"2017-01-01T05:29:60+05:30", 1'483'228'799 * ns_per_s + 999'999'999},
    {"2025-12-29T17:03:60", reference_ns + 2'999'999'999},
    {"2025-12-29T17:03:61Z", std::nullopt},
    {"2025-12-29T24:00:60Z", std::nullopt},
    {"2025-12-29T17:60:60Z", std::nullopt},
    {"2025-12-29x17:03:60Z", std::nullopt},
    {"1969-12-31T23:59:60Z", std::nullopt},
    {"2025-12-29T17:03:57.Z", std::nullopt},
    {"2025-12-29T17:03:57.1234567890Z", reference_ns + 123'456'789},
    {"2025-12-29T17:03:57.123456789999999999999999999+00:00", reference_ns + 123'456'789},
    {"2025-12-29T17:03:57.1234567899x", std::nullopt},
    {"2025-12-29T17:03:57,123Z", std::nullopt},
    {"2025-12-29T17:03:57+24:00", std::nullopt},
    {"2025-12-29T17:03:57+01:60", std::nullopt},
    {"2025-12-29T18:03:57+01", reference_ns},
    {"2025-12-29T17:03:57-00", reference_ns},
    {"2025-12-29T17:03:57-0", std::nullopt},
    {"2025-12-29T17:03:57+1", std::nullopt},
    {"2025-12-29T17:03:57+0x", std::nullopt},
    {"2025-12-29T17:03:57+24", std::nullopt},
    {"2025-12-29T17:03:57+1:00", std::nullopt},
    {"2025-12-29T17:03:57ZZ", std::nullopt},
    {"2025-12-29T17:03:57 Z", std::nullopt},
    {"2025-12-29T17:03:57Z ", std::nullopt},
    {" 2025-12-29T17:03:57Z", std::nullopt},
    {"2025-12-29T17:03", std::nullopt},
    {"2025-12-29", std::nullopt},
    {"20251229T170357Z", std::nullopt},
    {"2025-12-29_17:03:57Z", std::nullopt},
    {"2O25-12-29T17:03:57Z", std::nullopt},
    {"-025-12-29T17:03:57Z", std::nullopt},
    {"+025-12-29T17:03:57Z", std::nullopt},
    {"1767027837", std::nullopt},
    {"", std::nullopt},
};

TEST(TimestampText, IsReadOrRefused) {
    for (const TextCase& c : text_cases)
        EXPECT_EQ(parse_timestamp_text(c.text), c.timestamp_ns.value_or(no_timestamp)) << '"' << c.text << '"';
}

TEST(TimestampText, NoPrefixOfATimestampReadsPastItsEnd) {
    const std::string_view text = "2025-12-29T17:03:57.123+01:00";
    for (std::size_t size = 0; size < text.size(); ++size) {
        const std::string exact(text.substr(0, size));  // on the heap, so that ASan sees an over-read
        (void)parse_timestamp_text(exact);
    }
}

TEST(TimestampText, AgreesWithTheCalendarOnEveryDay) {
    std::int64_t day = 0;
    for (int year = 1970; year < 2262; ++year) {
        for (int month = 1; month <= 12; ++month) {
            for (int d = 1; d <= 31; ++d) {
                char text[64];
                std::snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:00Z", year, month, d);
                const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
                const int days[] = {31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
                if (d > days[month - 1]) {
                    ASSERT_EQ(parse_timestamp_text(text), no_timestamp) << text;
                } else {
                    ASSERT_EQ(parse_timestamp_text(text), day++ * 86'400 * ns_per_s) << text;
                }
            }
        }
    }
}

TEST(TimestampText, ARefusedDateLeavesTheCacheAsItWas) {
    sluice::parsers::DateCache cache;
    const std::string_view good = "2025-12-29T17:03:57Z";
    EXPECT_EQ(sluice::parsers::parse_timestamp_text(good, cache), reference_ns);
    EXPECT_EQ(sluice::parsers::parse_timestamp_text("2025-02-30T17:03:57Z", cache), no_timestamp);
    EXPECT_EQ(sluice::parsers::parse_timestamp_text("2025-02-30T17:03:57Z", cache), no_timestamp);
    EXPECT_EQ(sluice::parsers::parse_timestamp_text(good, cache), reference_ns);
}

struct NumberCase {
    std::string_view number;
    Precision precision;
    std::optional<std::int64_t> timestamp_ns;
};

const NumberCase number_cases[] = {
    {"1767027837", Precision::by_magnitude, reference_ns},
    {"1767027837.123", Precision::by_magnitude, reference_ns + 123'000'000},
    {"1.767027837e9", Precision::by_magnitude, reference_ns},
    {"17670278370E-1", Precision::by_magnitude, reference_ns},
    {"1767027837123", Precision::by_magnitude, reference_ns + 123'000'000},
    {"1767027837123456", Precision::by_magnitude, reference_ns + 123'456'000},
    {"1767027837123456789", Precision::by_magnitude, reference_ns + 123'456'789},
    {"1767027837.1234567891", Precision::by_magnitude, reference_ns + 123'456'789},
    {"99999999999", Precision::by_magnitude, std::nullopt},  // below 1e11: seconds, but past 2262
    {"9223372036", Precision::by_magnitude, 9'223'372'036 * ns_per_s},
    {"9223372037", Precision::by_magnitude, std::nullopt},
    {"100000000000", Precision::by_magnitude, 100'000'000 * ns_per_s},        // 1e11: milliseconds
    {"100000000000000", Precision::by_magnitude, 100'000'000 * ns_per_s},     // 1e14: microseconds
    {"100000000000000000", Precision::by_magnitude, 100'000'000 * ns_per_s},  // 1e17: nanoseconds
    {"9223372036854775807", Precision::by_magnitude, std::numeric_limits<std::int64_t>::max()},
    {"9223372036854775808", Precision::by_magnitude, std::nullopt},
    {"1e300", Precision::by_magnitude, std::nullopt},
    {"1e-300", Precision::by_magnitude, 0},
    {"0", Precision::by_magnitude, 0},
    {"-1", Precision::by_magnitude, std::nullopt},
    {"-0", Precision::by_magnitude, 0},
    {"-0.0e5", Precision::s, 0},
    {"-0.1", Precision::s, std::nullopt},
    {"-1e-30", Precision::s, std::nullopt},
    {"1767027837", Precision::s, reference_ns},
    {"1767027837", Precision::ms, 1'767'027'837'000'000},
    {"1767027837", Precision::us, 1'767'027'837'000},
    {"1767027837", Precision::ns, 1'767'027'837},
    {"1767027837.9", Precision::ns, 1'767'027'837},
    {"1767027837123", Precision::s, std::nullopt},
    {"0.000000001", Precision::s, 1},
    {"0.0000000009", Precision::s, 0},
    {"1000000000000000000000e-12", Precision::s, ns_per_s* ns_per_s},
};

TEST(TimestampNumber, IsReadOrRefused) {
    for (const NumberCase& c : number_cases)
        EXPECT_EQ(parse_timestamp_number(c.number, c.precision), c.timestamp_ns.value_or(no_timestamp)) << c.number;
}

}  // namespace
