// Quotas in simulated time: what comes through is what was allowed, however many reactors share the bucket.
// runs: release asan
#include "engine/tenants/quota.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "tests/support/seed.hpp"

namespace sluice::tenants {
namespace {

constexpr std::uint64_t second = 1'000'000'000;

// Units that came through in [from, to) where every reactor is offered `offered` times the rate in requests of up to
// `units_max`.
double admitted_units(std::size_t reactors_count, const Rate& rate, double units_max, double offered,
                      std::uint64_t from_ns, std::uint64_t to_ns, std::mt19937_64& random) {
    SharedBucket shared;
    std::vector<LocalBucket> locals(reactors_count);
    std::vector<double> next_ns(reactors_count, static_cast<double>(second));
    std::uniform_real_distribution<double> size(1, units_max);
    double admitted = 0;
    for (;;) {  // ends: each turn lets time pass
        const auto soonest = std::ranges::min_element(next_ns);
        const auto reactor = static_cast<std::size_t>(soonest - next_ns.begin());
        const auto now_ns = static_cast<std::uint64_t>(*soonest);
        if (now_ns >= to_ns) return admitted;
        const double units = std::round(size(random));
        if (locals[reactor].is_open(shared, rate, now_ns)) {
            locals[reactor].charge(units, shared, rate, now_ns);
            if (now_ns >= from_ns) admitted += units;
        }
        *soonest += rate.ns_of(units) * static_cast<double>(reactors_count) / offered;
    }
}

TEST(QuotaTest, TenSecondsAreExactToTwoPercent) {
    const std::uint64_t seed = tests::test_seed();
    SCOPED_TRACE(tests::seed_trace(seed));
    std::mt19937_64 random(seed);
    struct Row {
        double per_s, units_max, offered;
    };
    for (const std::size_t reactors_count : {1u, 2u, 8u})
        for (const Row& row : {Row{50'000, 100, 3}, {20e6, 4096, 100}, {2'000, 1, 1.5}, {20e6, 2e5, 4}, {100, 1, 10}}) {
            const Rate rate{row.per_s, 2 * second};
            // The burst is used up by then.
            const double units =
                admitted_units(reactors_count, rate, row.units_max, row.offered, 10 * second, 20 * second, random);
            EXPECT_NEAR(units / (10 * row.per_s), 1, 0.02) << reactors_count << " " << row.per_s;
        }
}

TEST(QuotaTest, BelowItsRateATenantIsNeverRefused) {
    const std::uint64_t seed = tests::test_seed();
    SCOPED_TRACE(tests::seed_trace(seed));
    std::mt19937_64 random(seed);
    const Rate rate{50'000, second};
    const double offered = 0.9;
    const double units = admitted_units(8, rate, 100, offered, 10 * second, 20 * second, random);
    EXPECT_NEAR(units / (10 * rate.per_s), offered, 0.02);
}

TEST(QuotaTest, TheBurstIsThereAtOnceAndNoMore) {
    SharedBucket shared;
    LocalBucket local;
    const Rate rate{1000, 2 * second};
    int admitted_count = 0;
    for (int i = 0; i < 10'000; ++i)
        if (local.is_open(shared, rate, 100 * second)) {
            local.charge(1, shared, rate, 100 * second);
            ++admitted_count;
        }
    EXPECT_NEAR(admitted_count, 2000, 10);
    EXPECT_FALSE(local.is_open(shared, rate, 100 * second));
}

TEST(QuotaTest, ARequestThatIsLargerThanTheBurstPassesOnceAndPays) {
    SharedBucket shared;
    LocalBucket local, other;
    const Rate rate{1000, second};
    ASSERT_TRUE(local.is_open(shared, rate, 100 * second));
    local.charge(6000, shared, rate, 100 * second);  // a second's worth was there: five are owed
    EXPECT_FALSE(local.is_open(shared, rate, 104 * second));
    EXPECT_FALSE(other.is_open(shared, rate, 104 * second));
    EXPECT_NEAR(static_cast<double>(shared.wait_ns(102 * second)), 3e9, 1e7);
    EXPECT_TRUE(other.is_open(shared, rate, 105 * second + 1000));
    EXPECT_EQ(shared.wait_ns(107 * second), 0u);
}

TEST(QuotaTest, ADebtIsBounded) {
    SharedBucket shared;
    LocalBucket local;
    const Rate rate{1, second};
    ASSERT_TRUE(local.is_open(shared, rate, 100 * second));
    local.charge(1e15, shared, rate, 100 * second);
    EXPECT_LE(shared.wait_ns(100 * second), SharedBucket::debt_ns_max);
    local.charge(1e15, shared, rate, 100 * second);
    EXPECT_LE(shared.wait_ns(100 * second), SharedBucket::debt_ns_max);
}

}  // namespace
}  // namespace sluice::tenants
