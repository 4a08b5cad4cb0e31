// Mailbox: order, the bound, the orders that go beyond it, and many threads at once.
// runs: release asan tsan
#include "engine/server/mailbox.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace sluice {
namespace {

TEST(Mailbox, RunsWhatWasPostedInOrder) {
    Mailbox mailbox;
    std::vector<int> ran;
    EXPECT_FALSE(mailbox.has_tasks());
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(mailbox.post([&ran, i] { ran.push_back(i); }));
    EXPECT_TRUE(mailbox.has_tasks());
    EXPECT_TRUE(ran.empty());
    mailbox.run_all();
    EXPECT_EQ(ran, (std::vector<int>{0, 1, 2}));
    EXPECT_FALSE(mailbox.has_tasks());
    mailbox.run_all();
    EXPECT_EQ(ran.size(), 3u);
}

TEST(Mailbox, RefusesWhatDoesNotFitAndTakesOrdersNevertheless) {
    Mailbox mailbox;
    std::size_t ran_count = 0;
    bool was_ordered = false;
    for (std::size_t i = 0; i < Mailbox::tasks_count_max; ++i) ASSERT_TRUE(mailbox.post([&] { ++ran_count; }));
    EXPECT_FALSE(mailbox.post([] { FAIL() << "it was refused"; }));
    mailbox.post_order([&] { was_ordered = ran_count == Mailbox::tasks_count_max; });
    EXPECT_FALSE(mailbox.post([] { FAIL() << "it was refused"; }));
    mailbox.run_all();
    EXPECT_EQ(ran_count, Mailbox::tasks_count_max);
    EXPECT_TRUE(was_ordered) << "not behind what was posted before";
    EXPECT_TRUE(mailbox.post([] {})) << "there is room again";
}

TEST(Mailbox, ATaskMayPost) {
    Mailbox mailbox;
    int ran_count = 0;
    ASSERT_TRUE(mailbox.post([&] { EXPECT_TRUE(mailbox.post([&] { ++ran_count; })); }));
    mailbox.run_all();
    EXPECT_EQ(ran_count, 0) << "in the next round: a round ends";
    EXPECT_TRUE(mailbox.has_tasks());
    mailbox.run_all();
    EXPECT_EQ(ran_count, 1);
}

// Each task that was taken runs once, whatever the threads do.
TEST(Mailbox, ManyThreadsPost) {
    Mailbox mailbox;
    std::atomic<int> taken_count{0};
    std::atomic<int> posting_count{4};
    int ran_count = 0;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
        threads.emplace_back([&] {
            for (int i = 0; i < 5000; ++i)
                if (mailbox.post([&] { ++ran_count; })) taken_count.fetch_add(1);
            posting_count.fetch_sub(1);
        });
    while (posting_count.load() != 0) mailbox.run_all();
    for (std::thread& thread : threads) thread.join();
    mailbox.run_all();
    EXPECT_EQ(ran_count, taken_count.load());
    EXPECT_GE(ran_count, static_cast<int>(Mailbox::tasks_count_max));
}

}  // namespace
}  // namespace sluice
