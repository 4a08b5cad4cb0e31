// LatencyHistogram: accuracy, bounds, copies and sums; Latency: one histogram for each stage.
// runs: release asan
#include "engine/metrics/latency.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <random>
#include <vector>

#include "tests/support/seed.hpp"

namespace sluice {
namespace {

constexpr std::uint64_t hour_ns = 3'600'000'000'000;

TEST(LatencyHistogram, Empty) {
    const LatencyHistogram histogram;
    EXPECT_EQ(histogram.count(), 0u);
    EXPECT_EQ(histogram.max_ns(), 0u);
    EXPECT_EQ(histogram.value_at_ns(99), 0u);
    EXPECT_EQ(histogram.sum_ns(), 0u);
}

TEST(LatencyHistogram, OutsideItsRangeIsCountedAtTheEdge) {
    LatencyHistogram histogram;
    histogram.record(0);
    EXPECT_EQ(histogram.max_ns(), 1u);
    histogram.record(2 * hour_ns);
    EXPECT_EQ(histogram.count(), 2u);
    EXPECT_NEAR(static_cast<double>(histogram.max_ns()), static_cast<double>(hour_ns),
                0.01 * static_cast<double>(hour_ns));
    EXPECT_EQ(histogram.sum_ns(), 2 * hour_ns) << "the sum is exact";
}

TEST(LatencyHistogram, PercentilesAreRightWithinOnePercent) {
    const std::uint64_t seed = tests::test_seed();
    SCOPED_TRACE(tests::seed_trace(seed));
    std::cout << tests::seed_trace(seed) << "\n";
    std::mt19937_64 random(seed);
    std::lognormal_distribution<double> distribution(11, 2);
    LatencyHistogram histogram;
    std::vector<std::uint64_t> values;
    std::uint64_t sum = 0;
    for (int i = 0; i < 50'000; ++i) {
        const auto ns = std::min(static_cast<std::uint64_t>(distribution(random)) + 1, hour_ns);
        histogram.record(ns);
        values.push_back(ns);
        sum += ns;
    }
    std::ranges::sort(values);
    EXPECT_EQ(histogram.count(), values.size());
    EXPECT_EQ(histogram.sum_ns(), sum);
    for (const double percentile : {1.0, 50.0, 90.0, 99.0, 99.9}) {
        const double exact = static_cast<double>(
            values[static_cast<std::size_t>(percentile / 100 * static_cast<double>(values.size() - 1))]);
        EXPECT_NEAR(static_cast<double>(histogram.value_at_ns(percentile)), exact, 0.02 * exact) << percentile;
    }
    EXPECT_GE(static_cast<double>(histogram.max_ns()), 0.99 * static_cast<double>(values.back()));
}

TEST(LatencyHistogram, CumulativeCounts) {
    LatencyHistogram histogram;
    for (const std::uint64_t ns : {5u, 10u, 11u, 50u, 100u}) histogram.record(ns);
    histogram.record(100'000, 4);
    constexpr std::array<std::uint64_t, 4> bounds{10, 50, 99, 50'000};
    std::array<std::uint64_t, 4> counts{7, 7, 7, 7};
    histogram.cumulative_counts(bounds.data(), bounds.size(), counts.data());
    EXPECT_EQ(counts, (std::array<std::uint64_t, 4>{2, 4, 4, 5}));
    EXPECT_EQ(histogram.count(), 9u);
}

TEST(LatencyHistogram, CopiesAndSums) {
    LatencyHistogram one;
    LatencyHistogram other;
    one.record(100, 3);
    other.record(50'000);
    LatencyHistogram copy;
    copy.record(7);
    copy.copy_from(one);
    EXPECT_EQ(copy.count(), 3u);
    EXPECT_EQ(copy.sum_ns(), 300u);
    EXPECT_EQ(copy.max_ns(), one.max_ns());
    one.record(100);
    EXPECT_EQ(copy.count(), 3u) << "a copy stands for itself";
    copy.add(other);
    EXPECT_EQ(copy.count(), 4u);
    EXPECT_EQ(copy.sum_ns(), 50'300u);
    EXPECT_EQ(copy.max_ns(), other.max_ns());
    copy.reset();
    EXPECT_EQ(copy.count(), 0u);
    EXPECT_EQ(copy.sum_ns(), 0u);
}

TEST(LatencyHistogram, AnEmptyOneIsCopiedAndAddedAsEmpty) {
    const LatencyHistogram empty;
    LatencyHistogram histogram;
    histogram.record(100);
    histogram.add(empty);
    EXPECT_EQ(histogram.count(), 1u);
    histogram.copy_from(empty);
    EXPECT_EQ(histogram.count(), 0u);
    EXPECT_EQ(histogram.sum_ns(), 0u);
    histogram.record(7);
    EXPECT_EQ(histogram.max_ns(), 7u);
}

TEST(Latency, StagesAndFormatsAreKeptApart) {
    using enum IngestFormat;
    Latency latency;
    latency.record(Stage::decode, json, 1000, 1250);
    latency.record(Stage::total, json, 1000, 900);  // clocks of two threads may differ: never negative
    latency.record(Stage::respond, otlp, 1000, 2000, 5);
    EXPECT_EQ(latency.of(Stage::decode)[json].sum_ns(), 250u);
    EXPECT_EQ(latency.of(Stage::decode)[otlp].count(), 0u);
    EXPECT_EQ(latency.of(Stage::total)[json].sum_ns(), 0u);
    EXPECT_EQ(latency.of(Stage::total)[json].count(), 1u);
    EXPECT_EQ(latency.of(Stage::respond)[otlp].count(), 5u);
    EXPECT_EQ(latency.of(Stage::sink)[none].count(), 0u);
    Latency copy;
    copy.copy_from(latency);
    latency.reset();
    EXPECT_EQ(latency.of(Stage::respond)[otlp].count(), 0u);
    EXPECT_EQ(copy.of(Stage::respond)[otlp].count(), 5u);
}

}  // namespace
}  // namespace sluice
