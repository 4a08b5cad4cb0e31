// Percentiles by their nearest rank, in sluice-load and in the engine.
// runs: release long: asan
#include <gtest/gtest.h>

#include "engine/core/percentile_rank.hpp"
#include "engine/metrics/latency_histogram.hpp"
#include "tools/load/result/percentiles.hpp"

namespace sluice::load {
namespace {

TEST(PercentileRank, IsTheCeiling) {
    struct Row {
        double percentile;
        std::uint64_t count, rank;
    };
    for (const Row& row :
         {Row{99, 51, 51}, Row{99, 100, 99}, Row{99, 101, 100}, Row{50, 1, 1}, Row{50, 2, 1}, Row{50, 3, 2},
          Row{99.9, 1000, 999}, Row{99.9, 1001, 1000}, Row{99.999, 100'000, 99'999}, Row{100, 7, 7}, Row{0, 7, 1},
          Row{0.1, 7, 1}, Row{29, 100, 29}, Row{57, 100, 57}, Row{99.9, 1'000'000'000'000, 999'000'000'000}})
        EXPECT_EQ(rank_of_percentile(row.percentile, row.count), row.rank) << row.percentile << " of " << row.count;
}

// The library rounds: it would take the 50th of 51 values for p99.
TEST(PercentileRank, HistogramsTakeIt) {
    const Histogram histogram = make_histogram();
    LatencyHistogram of_engine;
    for (int i = 0; i < 50; ++i) {
        hdr_record_value(histogram.get(), 1'000'000);
        of_engine.record(1'000'000);
    }
    hdr_record_value(histogram.get(), 1'000'000'000);
    of_engine.record(1'000'000'000);
    EXPECT_GT(value_at_ns(histogram, 99), 999'000'000u);
    EXPECT_LT(value_at_ns(histogram, 98), 1'001'000u);
    EXPECT_GT(of_engine.value_at_ns(99), 990'000'000u);
    EXPECT_LT(of_engine.value_at_ns(98), 1'010'000u);
    for (std::uint64_t count = 1; count <= 2000; ++count)
        for (const double percentile : {50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99})
            EXPECT_EQ(static_cast<std::uint64_t>(
                          percentile_for_histogram(percentile, count) / 100 * static_cast<double>(count) + 0.5),
                      rank_of_percentile(percentile, count));
}

}  // namespace
}  // namespace sluice::load
