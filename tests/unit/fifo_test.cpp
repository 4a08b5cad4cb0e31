// runs: release asan
#include "engine/core/fifo.hpp"

#include <gtest/gtest.h>

#include "tests/support/allocation_counter.hpp"

namespace sluice {
namespace {

TEST(Fifo, GivesBackInOrderAcrossItsEnd) {
    constexpr std::size_t capacity = 3;
    Fifo<int> fifo(capacity);
    EXPECT_TRUE(fifo.empty());
    int pushed = 0;
    int popped = 0;
    for (int round = 0; round < 20; ++round) {
        while (fifo.size() < capacity) fifo.push_back(pushed++);
        for (int i = 0; i < 3; ++i) ASSERT_EQ(fifo[static_cast<std::size_t>(i)], popped + i);
        for (int i = 0; i < 1 + round % 3; ++i) {
            ASSERT_EQ(fifo.front(), popped++);
            fifo.pop_front();
        }
    }
    EXPECT_EQ(fifo.size(), static_cast<std::size_t>(pushed - popped));
}

TEST(Fifo, AllocatesOnce) {
    Fifo<int> fifo(4);
    const std::uint64_t before = tests::allocations_count();
    for (int i = 0; i < 10'000; ++i) {
        fifo.push_back(i);
        fifo.pop_front();
    }
    EXPECT_EQ(tests::allocations_count(), before);
}

TEST(FifoDeathTest, IsBounded) {
    Fifo<int> fifo(1);
    EXPECT_DEATH(fifo.pop_front(), "CHECK failed");
    EXPECT_DEATH(static_cast<void>(fifo.front()), "CHECK failed");
    fifo.push_back(1);
    EXPECT_DEATH(fifo.push_back(2), "CHECK failed");
    EXPECT_DEATH(static_cast<void>(fifo[1]), "CHECK failed");
}

}  // namespace
}  // namespace sluice
