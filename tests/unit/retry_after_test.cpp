// Retry-After: the rate it is made from, and its bounds.
// runs: release asan
#include "engine/ingest/retry_after.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr std::uint64_t ms = 1'000'000;
constexpr std::uint64_t s = 1000 * ms;

TEST(RetryAfter, IsTheBacklogOverTheRateInWholeSeconds) {
    struct Case {
        std::uint64_t in_flight;
        double per_s;
        std::uint64_t attempt_in_ns;
        std::uint64_t least_s;
        std::uint64_t expected_s;
    };
    for (const Case& c : {
             Case{0, 0, 0, 1, 1},             // nothing to wait for
             Case{0, 5000, 0, 1, 1},
             Case{10, 5000, 0, 1, 1},         // 2 ms
             Case{5000, 5000, 0, 1, 1},       // one second exactly
             Case{5001, 5000, 0, 1, 2},       // rounded up
             Case{100'000, 5000, 0, 1, 20},
             Case{100'000, 5000, 0, 30, 30},  // the floor
             Case{1'000'000, 5000, 0, 1, 60}, // the ceiling
             Case{1, 0, 0, 1, 60},            // nothing leaves
             Case{1, 1e-300, 0, 1, 60},
             Case{1, 0, 0, 90, 90},           // an operator may ask for more
             Case{0, 5000, 1, 1, 1},          // until the next attempt, rounded up
             Case{0, 5000, 1500 * ms, 1, 2},
             Case{50'000, 5000, 1500 * ms, 1, 10},
             Case{0, 5000, 600 * s, 1, 60},
         })
        EXPECT_EQ(retry_after_s({c.in_flight, c.per_s, true, c.attempt_in_ns}, c.least_s), c.expected_s)
            << c.in_flight << " at " << c.per_s << "/s, next attempt in " << c.attempt_in_ns << " ns, least "
            << c.least_s;
}

TEST(RetryAfter, SaysNothingOfARateThatWasNotMeasured) {
    EXPECT_EQ(retry_after_s({.in_flight_count = 1'000'000}, 2), 2u);
    EXPECT_EQ(retry_after_s({.in_flight_count = 1'000'000, .attempt_in_ns = 3 * s}, 2), 3u);
}

// Looks every 10 ms for `duration_ns`, while `per_look` samples leave between two looks.
void run(DrainRate& rate, std::uint64_t& now_ns, std::uint64_t& left, std::uint64_t duration_ns, std::uint64_t per_look,
         bool is_busy) {
    for (const std::uint64_t end_ns = now_ns + duration_ns; now_ns < end_ns; now_ns += 10 * ms) {
        left += per_look;
        rate.observe(now_ns, left, is_busy);
    }
}

TEST(DrainRate, IsWhatLeavesWhileSomethingIsInFlight) {
    DrainRate rate;
    std::uint64_t now_ns = 1000 * s;
    std::uint64_t left = 0;
    run(rate, now_ns, left, 50 * ms, 100, true);
    EXPECT_FALSE(rate.is_measured());
    run(rate, now_ns, left, 2 * s, 100, true);
    ASSERT_TRUE(rate.is_measured());
    EXPECT_NEAR(rate.per_s(), 10'000, 1'100);
    run(rate, now_ns, left, 3600 * s, 0, false);
    EXPECT_NEAR(rate.per_s(), 10'000, 1'100) << "an idle hour tells nothing of the sink";
}

TEST(DrainRate, IsNotMeasuredBeforeAnythingHasLeft) {
    DrainRate rate;
    std::uint64_t now_ns = 1000 * s;
    std::uint64_t left = 0;
    run(rate, now_ns, left, 60 * s, 0, true);
    EXPECT_FALSE(rate.is_measured()) << "a sample that is stranded since the start tells of no rate";
    run(rate, now_ns, left, 20 * s, 100, true);
    ASSERT_TRUE(rate.is_measured());
    EXPECT_NEAR(rate.per_s(), 10'000, 100);
}

TEST(DrainRate, FollowsTheLastSeconds) {
    DrainRate rate;
    std::uint64_t now_ns = 1000 * s;
    std::uint64_t left = 0;
    run(rate, now_ns, left, 10 * s, 100, true);
    run(rate, now_ns, left, DrainRate::memory_ns, 20, true);
    EXPECT_NEAR(rate.per_s(), 2'000 + 8'000 / 2.718, 200);
    run(rate, now_ns, left, 60 * s, 0, true);
    EXPECT_LT(rate.per_s(), 1) << "nothing leaves any more";
}

TEST(DrainRate, GoesOnAfterTheCountsWereSetToZero) {
    DrainRate rate;
    std::uint64_t now_ns = 1000 * s;
    std::uint64_t left = 0;
    run(rate, now_ns, left, 2 * s, 100, true);
    left = 0;
    rate.restart_count();
    run(rate, now_ns, left, 2 * s, 100, true);
    EXPECT_NEAR(rate.per_s(), 10'000, 1'500);
}

}  // namespace
}  // namespace sluice
