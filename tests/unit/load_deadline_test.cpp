// DeadlineQueue: each item has its deadline to the nanosecond, whatever is added and taken out around it.
// runs: release long: asan
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <random>

#include "tests/support/seed.hpp"
#include "tools/load/run/deadline_queue.hpp"

namespace sluice::load {
namespace {

constexpr std::uint64_t none = std::numeric_limits<std::uint64_t>::max();

TEST(LoadDeadlines, AreExact) {
    DeadlineQueue queue(3, 50'000'000);
    EXPECT_EQ(queue.next_ns(), none);
    queue.push(2, 1'000);
    queue.push(0, 1'007);
    EXPECT_EQ(queue.next_ns(), 50'001'000u);
    EXPECT_EQ(queue.expired(50'000'999), std::nullopt);
    EXPECT_EQ(queue.expired(50'001'000), 2u);
    queue.remove(2);
    EXPECT_EQ(queue.expired(50'001'006), std::nullopt);
    EXPECT_EQ(queue.expired(50'001'007), 0u);
    queue.remove(0);
    queue.remove(0);
    queue.remove(1);
    EXPECT_EQ(queue.next_ns(), none);
    queue.push(0, 2'000);
    EXPECT_EQ(queue.next_ns(), 50'002'000u);
}

// Beside a map of what is in the queue, in the order of its begins.
TEST(LoadDeadlines, AgreeWithAMap) {
    const std::uint64_t seed = tests::test_seed();
    SCOPED_TRACE(tests::seed_trace(seed));
    std::mt19937_64 random(seed);
    constexpr std::uint32_t items_count = 20;
    DeadlineQueue queue(items_count, 1000);
    std::map<std::uint64_t, std::uint32_t> model;  // begin → item
    std::map<std::uint32_t, std::uint64_t> begins;
    std::uint64_t now_ns = 0;
    for (int step = 0; step < 20'000; ++step) {
        now_ns += 1 + random() % 3;
        const auto item = static_cast<std::uint32_t>(random() % items_count);
        if (begins.contains(item)) {
            queue.remove(item);
            model.erase(begins[item]);
            begins.erase(item);
        } else {
            queue.push(item, now_ns);
            model[now_ns] = item;
            begins[item] = now_ns;
        }
        ASSERT_EQ(queue.next_ns(), model.empty() ? none : model.begin()->first + 1000);
        if (!model.empty()) {
            ASSERT_EQ(queue.expired(queue.next_ns()), model.begin()->second);
        }
    }
}

}  // namespace
}  // namespace sluice::load
