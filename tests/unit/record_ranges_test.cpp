// RecordRanges: against a set of numbers, within the bound and beyond it.
// runs: release asan
#include "engine/ingest/record_ranges.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "tests/support/seed.hpp"

namespace sluice {
namespace {

using Pairs = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

Pairs pairs_of(const RecordRanges& set) {
    Pairs pairs;
    for (const RecordRange& range : set.ranges()) pairs.emplace_back(range.first_index, range.last_index);
    return pairs;
}

TEST(RecordRanges, NeighboursAreOneRange) {
    struct Row {
        Pairs added, kept;
    };
    for (const Row& row :
         {Row{{}, {}}, Row{{{3, 3}}, {{3, 3}}}, Row{{{3, 3}, {4, 4}, {2, 2}}, {{2, 4}}},
          Row{{{5, 6}, {1, 2}, {9, 9}}, {{1, 2}, {5, 6}, {9, 9}}}, Row{{{1, 1}, {3, 3}, {5, 5}, {2, 4}}, {{1, 5}}},
          Row{{{0, 9}, {2, 3}}, {{0, 9}}}, Row{{{2, 3}, {0, 9}}, {{0, 9}}}, Row{{{1, 1}, {9, 9}, {2, 8}}, {{1, 9}}},
          Row{{{7, 7}, {7, 7}}, {{7, 7}}}}) {
        RecordRanges set{};
        for (const auto& [first, last] : row.added) set.add(first, last);
        EXPECT_EQ(pairs_of(set), row.kept);
        set.clear();
        EXPECT_TRUE(set.ranges().empty());
    }
}

TEST(RecordRanges, JoinsTheNearestWhenItIsFull) {
    RecordRanges set{};
    constexpr auto count = static_cast<std::uint32_t>(limits::record_errors_count_max);
    for (std::uint32_t i = 0; i < count; ++i) set.add(i * 10, i * 10 + (i == 50 ? 7 : 0));
    set.add(count * 10, count * 10);
    const Pairs kept = pairs_of(set);
    ASSERT_EQ(kept.size(), count);
    EXPECT_EQ(kept[49], (std::pair{490u, 490u}));
    EXPECT_EQ(kept[50], (std::pair{500u, 510u})) << "the smallest gap is gone";
    EXPECT_EQ(kept.back(), (std::pair{count * 10, count * 10}));
}

TEST(RecordRanges, NeverLacksWhatWasAdded) {
    const std::uint64_t seed = tests::test_seed();
    SCOPED_TRACE(tests::seed_trace(seed));
    std::cout << tests::seed_trace(seed) << "\n";
    std::mt19937_64 random(seed);
    const auto set = std::make_unique<RecordRanges>();
    for (int round = 0; round < 200; ++round) {
        set->clear();
        std::set<std::uint32_t> added;
        const std::uint64_t span = round % 2 == 0 ? 150 : 100'000;
        std::size_t runs_count = 0, runs_count_max = 0;  // of what was added
        for (std::uint64_t i = random() % 300; i-- > 0;) {
            const auto record = static_cast<std::uint32_t>(random() % span + 1);
            set->add(record, record);
            if (added.insert(record).second)
                runs_count = runs_count + 1 - added.count(record - 1) - added.count(record + 1);
            runs_count_max = std::max(runs_count_max, runs_count);
        }
        const auto ranges = set->ranges();
        ASSERT_LE(ranges.size(), limits::record_errors_count_max);
        std::size_t held_count = 0;
        for (std::size_t i = 0; i < ranges.size(); ++i) {
            ASSERT_LE(ranges[i].first_index, ranges[i].last_index);
            if (i > 0) {
                ASSERT_GT(ranges[i].first_index, ranges[i - 1].last_index + 1);
            }
            held_count += ranges[i].last_index - ranges[i].first_index + 1;
        }
        for (const std::uint32_t record : added)
            ASSERT_TRUE(std::ranges::any_of(ranges, [&](const RecordRange& range) {
                return range.first_index <= record && record <= range.last_index;
            }));
        if (runs_count_max <= limits::record_errors_count_max) {  // no two had to be joined
            ASSERT_EQ(held_count, added.size()) << "and no other";
        }
    }
}

}  // namespace
}  // namespace sluice
