// Numbers as JSON text: shortest, with a point or an exponent, and the same double when they are read.
// runs: release asan
#include "parsers/json_writer.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include "tests/support/seed.hpp"

namespace sluice {
namespace {

std::string real(double value) {
    parsers::JsonWriter writer(64);
    writer.real(value);
    return std::string(writer.view());
}

TEST(JsonWriter, RealNumbers) {
    const struct {
        double value;
        const char* text;
    } rows[] = {{0, "0.0"},
                {-0.0, "-0.0"},
                {27, "27.0"},
                {-3, "-3.0"},
                {12'345'678, "12345678.0"},
                {100'000, "1e+05"},
                {110'000, "110000.0"},
                {9'007'199'254'740'991, "9007199254740991.0"},
                {1e22, "1e+22"},
                {0.1, "0.1"},
                {-21.53, "-21.53"},
                {0.05, "0.05"},
                {0.001, "0.001"},
                {0.0001, "1e-04"},
                {0.0123, "0.0123"},
                {999'999'999.999999, "999999999.999999"},
                {1.000001, "1.000001"},
                {1.0000001, "1.0000001"},
                {0.1 + 0.2, "0.30000000000000004"},
                {1e-7, "1e-07"},
                {-1.5e300, "-1.5e+300"},
                {5e-324, "5e-324"},
                {std::nan(""), "\"NaN\""},
                {std::numeric_limits<double>::infinity(), "\"Infinity\""},
                {-std::numeric_limits<double>::infinity(), "\"-Infinity\""}};
    for (const auto& row : rows) EXPECT_EQ(real(row.value), row.text);
}

// As std::to_chars writes it, with `.0` where that has neither point nor exponent.
TEST(JsonWriter, ARealNumberIsItsShortestText) {
    const std::uint64_t seed = tests::test_seed();
    SCOPED_TRACE(tests::seed_trace(seed));
    std::mt19937_64 random(seed);
    const auto expect_shortest = [](double value) {
        char text[64];
        std::string expected(text, std::to_chars(text, text + sizeof text, value).ptr);
        if (expected.find_first_of(".e") == std::string::npos) expected += ".0";
        ASSERT_EQ(real(value), expected);
    };
    for (int i = 0; i < 100'000; ++i) {
        const std::uint64_t bits = random();
        const auto any = std::bit_cast<double>(bits);
        if (std::isfinite(any)) expect_shortest(any);
        expect_shortest(static_cast<double>(static_cast<std::int64_t>(bits) >> (bits % 64)));
        const auto digits = static_cast<double>(static_cast<std::int64_t>(bits) >> (10 + bits % 50));
        expect_shortest(digits / std::pow(10, static_cast<double>(bits >> 8 & 7)));
        expect_shortest(std::nextafter(digits / 100, 0));
        expect_shortest(static_cast<double>(bits % 1'000) * std::pow(10, static_cast<double>(bits / 1'000 % 20)));
    }
}

}  // namespace
}  // namespace sluice
