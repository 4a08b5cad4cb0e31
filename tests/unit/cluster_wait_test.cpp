// WAIT and WAITAOF of the cluster sink: behind each batch of which a request wants replicas, on the node that takes the
// batch, also where the batch is redirected or its node is lost. A real fail-over is in
// tests/system/test_cluster_replicated.py.
// runs: release asan tsan
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "sinks/redis/cluster/cluster_sink.hpp"
#include "sinks/redis/cluster/slot.hpp"
#include "tests/support/fake_node.hpp"
#include "tests/support/sink_driver.hpp"

namespace sluice::tests {
namespace {

using Commands = std::vector<std::string>;

const std::string stored = "$3\r\n1-1\r\n";
const std::string one_replica = ":1\r\n";
const std::string no_wait_aof = "-ERR unknown command 'WAITAOF'\r\n";
constexpr const char* wait = "WAIT 1 700";
constexpr const char* wait_aof = "WAITAOF 1 1 700";
constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

std::string key_of(int partition) { return "t:{" + std::to_string(partition) + "}"; }

std::string slots_of(std::uint16_t port) {
    return "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:" + std::to_string(port) + "\r\n";
}

class ClusterWait : public testing::Test {
  protected:
    // Two nodes; the first owns all slots until is_moved.
    void run(
        FakeNode::Answer of_a, FakeNode::Answer of_b = [](const std::string&) { return std::string(); },
        int send_buffer_bytes = 0) {
        a.start(with_defaults(std::move(of_a)));
        b.start(with_defaults(std::move(of_b)));
        sinks::RedisSettings node;
        node.connect_timeout_ns = node.reply_timeout_ns = 2'000'000'000;
        node.backoff_min_ns = 2'000'000;
        node.backoff_max_ns = 20'000'000;
        node.replicas_count = 1;
        node.replicas_timeout_ns = 700'000'000;
        node.send_buffer_bytes = send_buffer_bytes;
        driver = std::make_unique<SinkDriver>(
            ledger, sinks::make_cluster_sink({{a.address()}, {key_of(0), key_of(1)}, node}, ledger));
    }

    // `answer` may be empty: then what a healthy node says.
    FakeNode::Answer with_defaults(FakeNode::Answer answer) {
        return [this, answer = std::move(answer)](const std::string& command) {
            std::string reply = answer(command);
            if (!reply.empty()) return reply;
            if (command == "CLUSTER SLOTS") return slots_of(is_moved ? b.port() : a.port());
            if (command.starts_with("WAITAOF")) return no_wait_aof;
            if (command.starts_with("WAIT ")) return one_replica;
            return command == "ASKING" ? std::string("+OK\r\n") : stored;
        };
    }

    // A batch of `count` commands of one request that wants replicas.
    OwnedBatch& batch(std::uint32_t count, int partition = 0, std::size_t padding_bytes = 0) {
        OwnedBatch& batch = batches.emplace_back();
        for (std::uint32_t i = 0; i < count; ++i)
            batch.add(resp({"XADD", key_of(partition), "*", "n", name(number++, padding_bytes)}));
        batch->lane = static_cast<std::uint16_t>(partition);
        return batch.replicated_ticket(0, count, count);
    }
    static std::string name(int n, std::size_t padding_bytes) {
        return std::to_string(n) + std::string(padding_bytes, '.');
    }
    // The first of three commands of a new batch that replicas are known to have; none: no command.
    std::uint32_t replicated_from() {
        driver->submit(batch(3));
        EXPECT_TRUE(driver->run_until_settled(1)) << driver->sink().last_error();
        EXPECT_EQ(ledger.delivered_samples, 3u) << "the primary has them, whatever the replicas say";
        return batches.front()->settled.tickets_replicated_from;
    }
    static std::string add(int n, int partition = 0) {
        return "XADD " + key_of(partition) + " * n " + std::to_string(n);
    }
    [[nodiscard]] std::string to_b(const char* redirect) const {
        return std::string("-") + redirect + " " + b.target_of(sinks::redis::slot_of(key_of(0))) + "\r\n";
    }

    // Of the answers, hence before the nodes.
    std::atomic<int> taken = 0;
    std::atomic<bool> is_moved = false;
    FakeNode a, b;
    LedgerPort ledger;
    std::deque<OwnedBatch> batches;
    std::unique_ptr<SinkDriver> driver;
    int number = 0;
};

TEST_F(ClusterWait, FollowsTheBatch) {
    run([](const std::string&) { return std::string(); });
    EXPECT_EQ(replicated_from(), 0u);
    EXPECT_EQ(a.commands(), (Commands{add(0), add(1), add(2), wait}));
    EXPECT_EQ(driver->replication().waits, 1u);
    EXPECT_EQ(driver->replication().waits_short, 0u);
    EXPECT_EQ(driver->sink().last_error(), "");
}

TEST_F(ClusterWait, NoneIsSentWhereNobodyWantsIt) {
    run([](const std::string&) { return std::string(); });
    driver->submit(batches.emplace_back().add(resp({"XADD", key_of(0), "*", "n", "0"})).ticket(0, 1));
    EXPECT_TRUE(driver->run_until_settled(1));
    EXPECT_EQ(a.commands(), Commands{add(0)});
}

TEST_F(ClusterWait, TooFewReplicasAreTold) {
    run([](const std::string& command) { return command == wait ? std::string(":0\r\n") : std::string(); });
    EXPECT_EQ(replicated_from(), none);
    EXPECT_EQ(driver->replication().waits_short, 1u);
    EXPECT_FALSE(driver->replication().is_wait_refused);
}

TEST_F(ClusterWait, ARefusedWaitIsNamedUntilOneIsAnswered) {
    run([&](const std::string& command) {
        return command == wait && taken++ == 0 ? std::string("-NOPERM no WAIT\r\n") : std::string();
    });
    EXPECT_EQ(replicated_from(), none);
    EXPECT_TRUE(driver->replication().is_wait_refused);
    EXPECT_TRUE(driver->sink().last_error().ends_with(" refuses: NOPERM no WAIT")) << driver->sink().last_error();
    EXPECT_EQ(driver->delivery().state, sinks::SinkState::ready);
    driver->submit(batch(1));
    EXPECT_TRUE(driver->run_until_settled(2));
    EXPECT_TRUE(driver->run_until([&] { return driver->sink().last_error().empty(); }));
    EXPECT_FALSE(driver->replication().is_wait_refused);
}

TEST_F(ClusterWait, IsWaitaofWhereTheNodeTakesIt) {
    run([](const std::string& command) {
        return command.starts_with("WAITAOF") ? std::string("*2\r\n:1\r\n:1\r\n") : std::string();
    });
    EXPECT_EQ(replicated_from(), 0u);
    EXPECT_EQ(a.commands().back(), wait_aof);
}

// A node has one connection for all its partitions: what stands between a batch and its WAIT would be answered for it.
TEST_F(ClusterWait, StandsNextToItsBatchHoweverLittleTheSocketTakes) {
    std::atomic<bool> is_held = true;  // at its first command the node stops reading
    const auto held = [&](const std::string& command) {
        if (command.starts_with("XADD")) is_held.wait(true);
        return std::string();
    };
    run(held, [](const std::string&) { return std::string(); }, 4096);
    constexpr std::size_t padding_bytes = 2900;
    for (int i = 0; i < 20; ++i) driver->submit(batch(20, i % 2, padding_bytes));
    driver->run_for(200);
    const std::uint64_t sent_bytes = driver->delivery().bytes_sent;
    is_held = false;
    is_held.notify_all();
    EXPECT_LT(sent_bytes, 20u * 20 * padding_bytes) << "the buffers of the kernel took 20 batches";
    ASSERT_TRUE(driver->run_until_settled(20)) << driver->sink().last_error();
    const Commands seen = a.commands();
    ASSERT_EQ(seen.size(), 20u * 21);
    for (std::size_t i = 0; i < seen.size(); ++i) {
        if (i % 21 == 20) EXPECT_EQ(seen[i], wait) << i;
        else EXPECT_TRUE(seen[i].starts_with(seen[i - i % 21].substr(0, 12))) << i << ": another partition's";
    }
    for (OwnedBatch& each : batches) EXPECT_EQ(each->settled.tickets_replicated_from, 0u);
    EXPECT_EQ(driver->replication().waits, 20u);
}

TEST_F(ClusterWait, MovedInTheMiddleCoversWhatTheNewOwnerTook) {
    run([&](const std::string& command) {
        if (command.starts_with("WAITAOF"))
            return std::string("*2\r\n:1\r\n:1\r\n");  // this node has it, the other not
        if (!command.starts_with("XADD") || taken++ < 1) return std::string();
        is_moved = true;
        return to_b("MOVED");
    });
    EXPECT_EQ(replicated_from(), 1u) << "the first command is another node's";
    EXPECT_EQ(a.commands(), (Commands{add(0), add(1), add(2), wait_aof})) << "passed over";
    EXPECT_EQ(b.commands(), (Commands{add(1), add(2), wait}));
    EXPECT_EQ(driver->replication().waits_short, 1u);
}

TEST_F(ClusterWait, AskGoesThereWithTheWait) {
    run([&](const std::string& command) { return command.starts_with("XADD") ? to_b("ASK") : std::string(); });
    EXPECT_EQ(replicated_from(), 0u);
    EXPECT_EQ(b.commands(), (Commands{"ASKING", add(0), "ASKING", add(1), "ASKING", add(2), "ASKING", wait}));
}

TEST_F(ClusterWait, NotNowIsTriedAgainWithTheWait) {
    for (const std::uint32_t commands_count : {1u, 3u}) {
        SCOPED_TRACE(commands_count);
        if (driver == nullptr)
            run([&](const std::string& command) {
                return command.starts_with("XADD") && taken++ == 0 ? std::string("-CLUSTERDOWN for a while\r\n")
                                                                   : std::string();
            });
        taken = 0;
        driver->submit(batch(commands_count));
        ASSERT_TRUE(driver->run_until_settled(batches.size())) << driver->sink().last_error();
        EXPECT_EQ(a.commands().back(), wait);
        EXPECT_EQ(batches.back()->settled.tickets_replicated_from, 0u);
    }
}

TEST_F(ClusterWait, ANodeThatIsLostBeforeItsAnswerConfirmsNothing) {
    run([&](const std::string& command) {
        return command == wait && taken++ == 0 ? std::string("hang up") : std::string();
    });
    EXPECT_EQ(replicated_from(), none) << "another connection cannot tell";
    EXPECT_EQ(a.commands(), (Commands{add(0), add(1), add(2), wait})) << "nor is anything sent again";
    EXPECT_GT(batches.front()->settled.replied_ns, 0u);
    driver->submit(batch(1));
    EXPECT_TRUE(driver->run_until_settled(2));
    EXPECT_EQ(batches.back()->settled.tickets_replicated_from, 0u);
}

TEST_F(ClusterWait, ANodeThatIsLostInTheMiddleIsSentTheRestAndConfirmsThat) {
    run([&](const std::string& command) {
        return command.starts_with("XADD") && taken++ == 1 ? std::string("hang up") : std::string();
    });
    EXPECT_EQ(replicated_from(), 1u);
    EXPECT_EQ(a.commands().back(), wait);
}

}  // namespace
}  // namespace sluice::tests
