// The cluster sink's breakers: one for each partition, and that of the whole, which is open while all of them are.
// runs: release asan tsan
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "sinks/redis/cluster/cluster_sink.hpp"
#include "sinks/redis/cluster/slot.hpp"
#include "tests/support/fake_node.hpp"
#include "tests/support/sink_driver.hpp"

namespace sluice::tests {
namespace {

using sinks::BreakerState;

const std::vector<std::string> keys{"t:{0}", "t:{1}"};
const std::string stored = "$3\r\n1-1\r\n";

std::string range(int from, int to, std::uint16_t port) {
    return "*3\r\n:" + std::to_string(from) + "\r\n:" + std::to_string(to) +
           "\r\n*2\r\n$9\r\n127.0.0.1\r\n:" + std::to_string(port) + "\r\n";
}

// The first key's slot is `first`'s, all others are `rest`'s.
std::string slots_of(std::uint16_t first, std::uint16_t rest) {
    const int slot = sinks::redis::slot_of(keys[0]);
    return "*3\r\n" + range(0, slot - 1, rest) + range(slot, slot, first) + range(slot + 1, 16383, rest);
}

// Two nodes with a partition each.
class ClusterBreakerTest : public testing::Test {
  protected:
    void start(std::uint32_t failures_max = 3) {
        a.start([this](const std::string& command) { return answer(command, is_a_away, a_error); });
        b.start([this](const std::string& command) { return answer(command, is_b_away, b_error); });
        sinks::RedisSettings node;
        node.connect_timeout_ns = node.reply_timeout_ns = 1'000'000'000;
        node.backoff_min_ns = 2'000'000;
        node.backoff_max_ns = 10'000'000;
        node.breaker_failures_count = failures_max;
        driver = std::make_unique<SinkDriver>(
            ledger, sinks::make_cluster_sink({{a.address(), b.address()}, keys, node}, ledger));
    }
    std::string answer(const std::string& command, bool is_away, const std::atomic<const char*>& error) {
        if (is_away) return "hang up";
        if (command == "CLUSTER SLOTS")
            return has_slots ? slots_of(a.port(), b.port()) : range(0, 0, 1).insert(0, "*1\r\n");
        return error.load() == nullptr ? stored : error.load();
    }
    void submit(std::uint16_t lane) {
        OwnedBatch& batch = batches.emplace_back();
        batch.add(resp({"XADD", keys[lane], "*", "n", "0"}));
        batch->lane = lane;
        driver->submit(batch);
    }
    [[nodiscard]] bool is_away(std::uint32_t lane) const { return sinks::is_lane_away(driver->signal(), lane); }
    void deliver() {
        for (const std::uint16_t lane : {0, 1}) submit(lane);
        EXPECT_TRUE(driver->run_until_settled(batches.size())) << driver->sink().trouble();
    }

    std::atomic<bool> is_a_away = false, is_b_away = false, has_slots = true;
    std::atomic<const char*> a_error = nullptr, b_error = nullptr;
    FakeNode a, b;
    LedgerPort ledger;
    std::deque<OwnedBatch> batches;
    std::unique_ptr<SinkDriver> driver;
};

TEST_F(ClusterBreakerTest, APartitionIsAwayWhileItsNodeIs) {
    start();
    deliver();
    EXPECT_EQ(sinks::lanes_away_count(driver->signal()), 0u);
    is_a_away = true;
    submit(0);
    EXPECT_TRUE(driver->run_until([&] { return is_away(0); }));
    EXPECT_FALSE(is_away(1));
    EXPECT_EQ(driver->signal().breaker, BreakerState::closed) << "the other takes samples";
    submit(1);
    EXPECT_TRUE(driver->run_until_settled(3));
    is_a_away = false;
    EXPECT_TRUE(driver->run_until([&] { return !is_away(0); })) << "what is kept tries it";
    EXPECT_TRUE(driver->run_until_settled(4));
    EXPECT_TRUE(ledger.conserved());
}

TEST_F(ClusterBreakerTest, TheWholeIsOpenWhileEveryPartitionIsAway) {
    start();
    deliver();
    is_a_away = is_b_away = true;
    submit(0);
    submit(1);
    EXPECT_TRUE(driver->run_until([&] { return driver->signal().breaker == BreakerState::open; }));
    EXPECT_EQ(driver->delivery().breaker_opens, 1u);
    EXPECT_GE(driver->delivery().breaker_failures, 3u);
    EXPECT_NE(driver->signal().breaker_retry_ns, 0u);
    is_b_away = false;
    EXPECT_TRUE(driver->run_until([&] { return driver->signal().breaker == BreakerState::closed; }));
    EXPECT_TRUE(is_away(0));
    is_a_away = false;
    EXPECT_TRUE(driver->run_until_settled(4));
    EXPECT_EQ(sinks::lanes_away_count(driver->signal()), 0u);
    EXPECT_EQ(driver->delivery().breaker_opens, 1u);
}

TEST_F(ClusterBreakerTest, OpensWhenNoMapCanBeRead) {
    is_a_away = is_b_away = true;
    start();
    EXPECT_TRUE(driver->run_until([&] { return driver->signal().breaker != BreakerState::closed; }));
    is_a_away = is_b_away = false;
    EXPECT_TRUE(driver->run_until([&] { return driver->signal().breaker == BreakerState::closed; }));
    EXPECT_TRUE(driver->run_until([&] { return sinks::lanes_away_count(driver->signal()) == 0; }))
        << "without any sample";
}

TEST_F(ClusterBreakerTest, OpensWhenNobodyServesTheSlots) {
    has_slots = false;
    start();
    EXPECT_TRUE(driver->run_until([&] { return driver->signal().breaker != BreakerState::closed; }));
    EXPECT_EQ(driver->delivery().refusal, CommandOutcome::busy) << "it passes by itself";
    EXPECT_NE(driver->sink().trouble().find("no node serves slot"), std::string::npos) << driver->sink().trouble();
    has_slots = true;
    EXPECT_TRUE(driver->run_until([&] { return sinks::lanes_away_count(driver->signal()) == 0; }));
}

TEST_F(ClusterBreakerTest, APartitionIsAwayWhileItsNodeSaysNotNow) {
    start();
    a_error = "-CLUSTERDOWN The cluster is down\r\n";
    submit(0);
    EXPECT_TRUE(driver->run_until([&] { return is_away(0); }));
    EXPECT_EQ(driver->delivery().refusal, CommandOutcome::busy);
    EXPECT_NE(driver->delivery().refused_ns, 0u);
    a_error = nullptr;
    EXPECT_TRUE(driver->run_until_settled(1));
    EXPECT_FALSE(is_away(0));
}

TEST_F(ClusterBreakerTest, RefusalsOfSamplesLeaveItClosed) {
    start();
    a_error = "-OOM no\r\n";
    submit(0);
    EXPECT_TRUE(driver->run_until([&] { return driver->delivery().replies_busy >= 4; }));
    EXPECT_FALSE(is_away(0)) << "it answers: who waits is told at once";
}

TEST_F(ClusterBreakerTest, NeverOpensIfToldSo) {
    start(0);
    is_a_away = is_b_away = true;
    submit(0);
    EXPECT_TRUE(driver->run_until([&] { return driver->link().connection_failures >= 4; }));
    EXPECT_EQ(sinks::lanes_away_count(driver->signal()), 0u);
    EXPECT_EQ(driver->signal().breaker, BreakerState::closed);
}

}  // namespace
}  // namespace sluice::tests
