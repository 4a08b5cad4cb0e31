// The search for the highest rate that holds, and the verification of a ledger.
// runs: release long: asan
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tools/load/command/rate_search.hpp"
#include "tools/load/ledger/verification.hpp"

namespace sluice::load {
namespace {

TEST(LoadRateSearch, FindsTheLimitFromBelowAndFromAbove) {
    for (const double limit : {130.0, 999.0, 1000.0, 47'000.0}) {
        int tries_count = 0;
        const double found = find_highest_rate({.first = 1000, .max = 1e6}, [&](double rate) {
            ++tries_count;
            return rate <= limit;
        });
        EXPECT_LE(found, limit);
        EXPECT_GT(found, limit * 0.94) << limit;
        EXPECT_LT(tries_count, 30);
    }
}

TEST(LoadRateSearch, AMaximumBelowEveryOtherBoundIsFound) {
    EXPECT_EQ(find_highest_rate({.first = 1000, .max = 50, .least = 100}, [](double) { return true; }), 50);
}

TEST(LoadRateSearch, EndsAtTheMaximumAndWithoutAnyRate) {
    EXPECT_EQ(find_highest_rate({.first = 1000, .max = 5000}, [](double) { return true; }), 5000);
    int tries_count = 0;
    EXPECT_EQ(find_highest_rate({.first = 1000, .max = 5000},
                                [&](double) {
                                    ++tries_count;
                                    return false;
                                }),
              0);
    EXPECT_LT(tries_count, 20);
}

TEST(LoadRateSearch, GivesUpWhereARunWouldHaveTooFewRequests) {
    std::vector<double> tried;
    EXPECT_EQ(find_highest_rate({.first = 50, .max = 5000, .least = 10},
                                [&](double rate) {
                                    tried.push_back(rate);
                                    return false;
                                }),
              0);
    EXPECT_EQ(tried, (std::vector<double>{50, 25, 12.5, 10}));
    EXPECT_EQ(find_highest_rate({.first = 50, .max = 5000, .least = 10}, [&](double rate) { return rate <= 10; }), 10);
    EXPECT_EQ(find_highest_rate({.first = 5, .max = 5, .least = 10}, [&](double) { return true; }), 5);
}

TEST(LoadRateSearch, ARateThatHeldOnlyOnceIsNotTheAnswer) {
    // From 500/s on it is luck: each rate holds the first time only.
    std::vector<double> seen;
    const double found = find_highest_rate({.first = 1000, .max = 1000}, [&](double rate) {
        const bool is_new = std::find(seen.begin(), seen.end(), rate) == seen.end();
        seen.push_back(rate);
        return rate < 500 || is_new;
    });
    EXPECT_LT(found, 500);
    EXPECT_GT(found, 450);
}

// What is stored may be anybody's: a seq of theirs must cost neither memory nor the verdict.
TEST(LoadVerification, AnySeqMayBeStored) {
    Verification verification;
    verification.acknowledge("a", 0, 2);
    for (const std::uint64_t seq :
         {std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{1} << 53, ~std::uint64_t{0}, std::uint64_t{1}})
        verification.find("a", seq);
    const DeviceVerdict verdict = verification.by_device().at("a");
    EXPECT_EQ(verdict.found, 2u);
    EXPECT_EQ(verdict.lost, 0u);
    EXPECT_EQ(verdict.unacknowledged, 2u);
    EXPECT_EQ(verdict.duplicated, 1u);
    EXPECT_EQ(verdict.reordered, 2u);
}

TEST(LoadVerification, CopiesAreCountedHoweverManyThereAre) {
    Verification verification;
    verification.acknowledge("a", 0, 1);
    for (int i = 0; i < 300; ++i) verification.find("a", 0);
    for (int i = 0; i < 300; ++i) verification.find("a", ~std::uint64_t{0});
    EXPECT_EQ(verification.by_device().at("a").duplicated, 2u * 299);
}

TEST(LoadVerification, OnlyWithinAKeyThereIsAnOrder) {
    Verification verification;
    verification.acknowledge("a", 0, 1);
    for (const std::uint64_t seq : {5, 6}) verification.find("a", seq, 1);
    for (const std::uint64_t seq : {0, 2, 1}) verification.find("a", seq, 2);
    EXPECT_EQ(verification.by_device().at("a").reordered, 1u);
}

TEST(LoadVerification, DevicesOfOthersAreInNoVerdict) {
    Verification verification;
    verification.acknowledge("run-07", 0, 1);
    for (int copy = 0; copy < 3; ++copy)
        for (const char* const other : {"run-7", "device-07", "run-x-07", "07", ""}) verification.find(other, 0);
    verification.find("run-08", 0);  // called as ours are: none of its requests was answered
    EXPECT_EQ(verification.others_count(), 15u);
    const DeviceVerdict sum = sum_of(verification.by_device());
    EXPECT_EQ(sum.duplicated, 0u);
    EXPECT_EQ(sum.unacknowledged, 1u);
}

TEST(LoadVerification, TellsEachFateApart) {
    Verification verification;
    verification.acknowledge("a", 0, 5);
    verification.acknowledge("b", 0, 1);
    for (const std::uint64_t seq : {0, 2, 1, 2, 2, 6}) verification.find("a", seq);
    const auto verdicts = verification.by_device();
    const DeviceVerdict& a = verdicts.at("a");
    EXPECT_EQ(a.acknowledged, 5u);
    EXPECT_EQ(a.found, 3u);
    EXPECT_EQ(a.lost, 2u);
    EXPECT_EQ(a.lost_first, (std::vector<std::uint64_t>{3, 4}));
    EXPECT_EQ(a.duplicated, 2u);
    EXPECT_EQ(a.reordered, 1u);
    EXPECT_EQ(a.unacknowledged, 1u);
    const DeviceVerdict sum = sum_of(verdicts);
    EXPECT_EQ(sum.acknowledged, 6u);
    EXPECT_EQ(sum.lost, 3u);
}

}  // namespace
}  // namespace sluice::load
