// SnapshotCollector: reactors that answer, that have ended, and that owe an answer.
// runs: release asan
#include "engine/admin/snapshot_collector.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <utility>
#include <vector>

namespace sluice {
namespace {

class FakeReactor final : public ReactorPort {
  public:
    explicit FakeReactor(unsigned core) : core_(core) {}

    bool post(Mailbox::Task task) override {
        ++posts_count;
        if (is_full) return false;
        if (answers) task();
        else tasks.push_back(std::move(task));
        return true;
    }
    [[nodiscard]] bool has_ended() const override {
        if (answers_while_awaited)
            for (const Mailbox::Task& task : std::exchange(tasks, {})) task();
        return is_ended;
    }
    void fill(Snapshot& snapshot) override {
        snapshot.core = core_;
        snapshot.in_flight_samples[IngestFormat::json] = samples;
    }
    void reset_counters() override { ++resets_count; }

    bool answers = true;
    bool is_full = false;  // its mailbox
    bool is_ended = false;
    std::uint64_t samples = 1;
    int posts_count = 0;
    int resets_count = 0;
    bool answers_while_awaited = false;
    mutable std::vector<Mailbox::Task> tasks;

  private:
    const unsigned core_;
};

class SnapshotCollectorTest : public testing::Test {
  protected:
    SnapshotCollectorTest() { collector.connect({&first, &second}); }
    FakeReactor first{3}, second{4};
    SnapshotCollector collector{std::chrono::milliseconds(30)};
};

TEST_F(SnapshotCollectorTest, TakesOneOfEachInTheirOrder) {
    ASSERT_TRUE(collector.collect(false));
    ASSERT_EQ(collector.snapshots().size(), 2u);
    EXPECT_EQ(collector.snapshots()[0]->core, 3u);
    EXPECT_EQ(collector.snapshots()[1]->core, 4u);
    EXPECT_EQ(first.resets_count, 0);
    ASSERT_TRUE(collector.collect(true));
    EXPECT_EQ(first.resets_count, 1);
    EXPECT_EQ(second.resets_count, 1);
}

TEST_F(SnapshotCollectorTest, AReactorWhoseMailboxIsFullIsAskedNextTime) {
    second.is_full = true;
    EXPECT_FALSE(collector.collect(false));
    second.is_full = false;
    EXPECT_TRUE(collector.collect(false));
    EXPECT_EQ(collector.snapshots()[1]->core, 4u);
}

TEST_F(SnapshotCollectorTest, ReadsTheLastFiguresOfAReactorThatHasEnded) {
    second.answers = false;
    second.is_ended = true;
    second.samples = 8;
    ASSERT_TRUE(collector.collect(true));
    EXPECT_EQ(collector.snapshots()[1]->in_flight_samples[IngestFormat::json], 8u);
    EXPECT_EQ(second.resets_count, 1);
}

TEST_F(SnapshotCollectorTest, AReactorThatOwesAnAnswerIsNotAskedAgain) {
    second.answers = false;
    EXPECT_FALSE(collector.collect(false));
    EXPECT_FALSE(collector.collect(false));
    EXPECT_EQ(second.posts_count, 1);
    second.answers = true;
    second.tasks.front()();  // at last
    second.samples = 9;
    ASSERT_TRUE(collector.collect(false));
    EXPECT_EQ(second.posts_count, 2);
    EXPECT_EQ(collector.snapshots()[1]->in_flight_samples[IngestFormat::json], 9u)
        << "of now, not of the answer that came late";
}

TEST_F(SnapshotCollectorTest, AnOwedAnswerThatDidNotResetIsNoReset) {
    second.answers = false;
    EXPECT_FALSE(collector.collect(false));
    second.answers_while_awaited = true;  // the answer that is owed comes
    EXPECT_FALSE(collector.collect(true));
    EXPECT_EQ(second.resets_count, 0);
    EXPECT_TRUE(collector.collect(true));
    EXPECT_EQ(second.resets_count, 1);
}

}  // namespace
}  // namespace sluice
