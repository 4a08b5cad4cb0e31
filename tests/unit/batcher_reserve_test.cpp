// Batcher: what a lane whose server is away may hold, and what others are left with.
// runs: release asan tsan
#include <gtest/gtest.h>

#include "tests/support/batcher_bench.hpp"

namespace sluice {
namespace {

using tests::samples_per_batch;
using Bench = tests::BatcherBench;

constexpr std::size_t batches_count = 12;
constexpr std::uint32_t reserve_count = 2;  // a half of them, divided by three lanes
constexpr std::uint32_t shared_count = 6;

Bench::Devices full_batch(const char* device) { return Bench::Devices(samples_per_batch, device); }

// Hands over batches of one lane, none of which is ever settled, until the lane gets no more.
std::vector<Batch*> strand(Bench& bench, const char* device) {
    std::vector<Batch*> stranded;
    while (bench.add(full_batch(device)))
        for (Batch* batch : bench.hand_over()) stranded.push_back(batch);
    return stranded;
}

TEST(BatcherReserve, ALaneThatIsStuckLeavesTheOthersTheirReserve) {
    Bench bench({.lanes_count = 3, .batches_count = batches_count, .is_cluster = true});
    const std::vector<Batch*> stranded = strand(bench, "d0");
    EXPECT_EQ(stranded.size(), reserve_count + shared_count);
    for (int round = 0; round < 20; ++round) {
        for (const char* device : {"d1", "d2"})
            for (std::uint32_t i = 0; i < reserve_count; ++i) EXPECT_TRUE(bench.add(full_batch(device)));
        for (const char* device : {"d0", "d1", "d2"})
            EXPECT_FALSE(bench.add(full_batch(device))) << "nothing is shared any more";
        EXPECT_FALSE(bench.add({"d1", "d0"})) << "a request is taken whole, or not at all";
        for (Batch* batch : bench.hand_over()) bench.batcher->settled(*batch);
    }
    // What comes back is shared before it is the stuck lane's reserve.
    for (std::uint32_t i = 0; i < shared_count; ++i) {
        bench.batcher->settled(*stranded[i]);
        for (std::uint32_t n = 0; n < reserve_count + i + 1; ++n) EXPECT_TRUE(bench.add(full_batch("d1")));
        EXPECT_FALSE(bench.add(full_batch("d1")));
        for (Batch* batch : bench.hand_over()) bench.batcher->settled(*batch);
    }
    for (std::uint32_t i = shared_count; i < stranded.size(); ++i) bench.batcher->settled(*stranded[i]);
    EXPECT_EQ(bench.pool.in_use_count(), 0u);
}

TEST(BatcherReserve, TwoStuckLanesShareWhatIsShared) {
    Bench bench({.lanes_count = 3, .batches_count = batches_count, .is_cluster = true});
    EXPECT_EQ(strand(bench, "d0").size() + strand(bench, "d1").size(), 2 * reserve_count + shared_count);
    EXPECT_TRUE(bench.add(full_batch("d2")));
    EXPECT_TRUE(bench.add(full_batch("d2")));
    EXPECT_FALSE(bench.add(full_batch("d2")));
}

TEST(BatcherReserve, WhatIsRolledBackIsFreeAgain) {
    Bench bench({.lanes_count = 3, .batches_count = batches_count, .is_cluster = true});
    const std::uint32_t samples_count = samples_per_batch * (reserve_count + shared_count);
    for (int round = 0; round < 3; ++round) {
        EXPECT_FALSE(bench.add(Bench::Devices(samples_count + 1, "d0")));
        EXPECT_TRUE(bench.add(Bench::Devices(samples_count, "d1"), {}, true));
        EXPECT_EQ(bench.pool.in_use_count(), 0u);
    }
    EXPECT_TRUE(bench.add(Bench::Devices(samples_count, "d2")));
}

// Behind one server all lanes wait for the same thing.
TEST(BatcherReserve, LanesToOneServerShareThePool) {
    Bench bench({.lanes_count = 3, .batches_count = batches_count});
    EXPECT_EQ(strand(bench, "d0").size(), batches_count);
}

TEST(BatcherReserve, APoolOfABatchForEachLaneHasNone) {
    Bench bench({.lanes_count = 3, .batches_count = 3, .is_cluster = true});
    EXPECT_EQ(strand(bench, "d0").size(), 3u);
    Bench next({.lanes_count = 3, .batches_count = 4, .is_cluster = true});
    EXPECT_EQ(strand(next, "d0").size(), 2u) << "its own and the one that is shared";
}

}  // namespace
}  // namespace sluice
