// The bootstrap, and comparisons of runs.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "tests/support/load_sample.hpp"
#include "tests/support/seed.hpp"
#include "tools/load/report/comparison.hpp"

namespace sluice::load {
namespace {

TEST(LoadBootstrap, Median) {
    EXPECT_EQ(median(std::vector<double>{3, 1, 2}), 2);
    EXPECT_EQ(median(std::vector<double>{4, 1, 3, 2}), 2.5);
    EXPECT_TRUE(std::isnan(median({})));
}

TEST(LoadBootstrap, FewRunsSayNothing) {
    const std::vector<double> two{1, 2};
    const Estimate estimate = ratio_of_medians(two, two, 1);
    EXPECT_EQ(estimate.value, 1);
    EXPECT_TRUE(std::isinf(estimate.low) && std::isinf(estimate.high));
    EXPECT_FALSE(estimate.excludes(1000));
}

TEST(LoadBootstrap, NoRatioToNothing) {
    const std::vector<double> none{0, 0, 0};
    const std::vector<double> some{1, 2, 3};
    EXPECT_TRUE(std::isnan(ratio_of_medians(some, none, 1).value));
    EXPECT_FALSE(ratio_of_medians(some, none, 1).excludes(1));
    EXPECT_EQ(ratio_of_medians(none, some, 1).value, 0);
    EXPECT_TRUE(std::isnan(ratio_of_medians({}, some, 1).value));
}

TEST(LoadBootstrap, TheSameSeedGivesTheSameInterval) {
    const std::vector<double> a{10, 11, 12, 13, 15};
    const std::vector<double> b{5, 5.5, 5.2, 6};
    const Estimate one = ratio_of_medians(a, b, 7);
    const Estimate other = ratio_of_medians(a, b, 7);
    EXPECT_EQ(one.low, other.low);
    EXPECT_EQ(one.high, other.high);
    EXPECT_TRUE(one.excludes(1));
    EXPECT_TRUE(one.low <= one.value && one.value <= one.high);
}

// 19 of 20 intervals should hold the truth; of so few runs somewhat less do. An interval that is far too narrow or
// about something else fails.
TEST(LoadBootstrap, IntervalsHoldTheTruth) {
    const std::uint64_t seed = tests::test_seed();
    SCOPED_TRACE(tests::seed_trace(seed));
    std::mt19937_64 random(seed);
    std::lognormal_distribution<double> noise(0, 0.2);
    constexpr double truth = 1.5;
    constexpr int experiments_count = 60;
    int held = 0;
    for (int i = 0; i < experiments_count; ++i) {
        std::vector<double> a(9);
        std::vector<double> b(9);
        for (double& value : a) value = truth * noise(random);
        for (double& value : b) value = noise(random);
        if (!ratio_of_medians(a, b, seed).excludes(truth)) ++held;
    }
    EXPECT_GE(held, experiments_count * 8 / 10);
}

TEST(LoadComparison, RatiosAreToTheFirst) {
    std::vector<Contender> contenders(2);
    for (std::size_t i = 0; i < contenders.size(); ++i) {
        contenders[i].name = i == 0 ? "A" : "B";
        for (unsigned run = 0; run < 3; ++run) {
            contenders[i].runs.push_back(tests::sample_run({.seed = run,
                                                            .seconds = 1,
                                                            .warmup_s = 0,
                                                            .rate = i == 0 ? 100U : 200U,
                                                            .is_valid = i == 0 || run != 2}));
        }
    }
    const Comparison comparison = compare(std::move(contenders), 1);
    EXPECT_EQ(comparison.figures[0][0].ratio_to_first.value, 1);
    EXPECT_NEAR(comparison.figures[1][0].ratio_to_first.value, 2, 0.1);
    EXPECT_EQ(comparison.figures[1][0].values.size(), 3u);
    ASSERT_EQ(comparison.invalid_reasons().size(), 1u);
    EXPECT_TRUE(comparison.invalid_reasons()[0].starts_with("B, run 3: The lag's p99"));
    const Histogram all = corrected_of_all(comparison.contenders[0]);
    EXPECT_EQ(static_cast<std::uint64_t>(all->total_count), comparison.contenders[0].runs[0].totals.responses +
                                                                comparison.contenders[0].runs[1].totals.responses +
                                                                comparison.contenders[0].runs[2].totals.responses);
}

}  // namespace
}  // namespace sluice::load
