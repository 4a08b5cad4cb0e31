// The cluster sink against nodes that answer as a test says: each kind of redirect, in the middle of a batch, and what
// must not happen: a command twice, or before an older one.
// runs: release asan tsan
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "sinks/redis/cluster/cluster_sink.hpp"
#include "sinks/redis/cluster/slot.hpp"
#include "tests/support/fake_node.hpp"
#include "tests/support/sink_driver.hpp"

namespace sluice::tests {
namespace {

using Commands = std::vector<std::string>;

constexpr std::string_view key = "t:{0}";
const std::uint16_t slot = sinks::redis::slot_of(key);
const std::string stored = "$3\r\n1-1\r\n";

// CLUSTER SLOTS that gives all slots to `port`. An empty host: the one that was asked.
std::string slots_of(std::uint16_t port, const std::string& host = "127.0.0.1") {
    return "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$" + std::to_string(host.size()) + "\r\n" + host +
           "\r\n:" + std::to_string(port) + "\r\n";
}

sinks::ClusterSettings settings_for(const std::vector<sinks::ServerAddress>& seeds,
                                    std::vector<std::string> keys = {std::string(key)}) {
    sinks::RedisSettings node;
    node.connect_timeout_ns = node.reply_timeout_ns = 1'000'000'000;
    node.backoff_min_ns = 2'000'000;
    node.backoff_max_ns = 20'000'000;
    return {seeds, std::move(keys), node};
}

// Two nodes, and a sink that begins with the first.
class ClusterSinkTest : public testing::Test {
  protected:
    void run(FakeNode::Answer first, FakeNode::Answer second) {
        a.start(std::move(first));
        b.start(std::move(second));
        driver = std::make_unique<SinkDriver>(ledger, sinks::make_cluster_sink(settings_for({a.address()}), ledger));
    }

    // Batches of three commands, numbered on.
    OwnedBatch& submit() {
        OwnedBatch& batch = batches.emplace_back();
        for (int i = 0; i < 3; ++i) batch.add(resp({"XADD", key, "*", "n", std::to_string(number++)}));
        return batch;
    }
    void deliver(std::size_t batches_count) {
        for (std::size_t i = 0; i < batches_count; ++i) driver->submit(submit());
        EXPECT_TRUE(driver->run_until_settled(batches_count)) << driver->sink().last_error();
        EXPECT_TRUE(ledger.conserved());
        EXPECT_EQ(ledger.delivered_samples, 3 * batches_count);
    }

    static std::string add(int n) { return "XADD t:{0} * n " + std::to_string(n); }
    static Commands adds(int from, int to) {
        Commands commands;
        for (int n = from; n < to; ++n) commands.push_back(add(n));
        return commands;
    }

    // Of the answers, hence before the nodes: those may answer until they end.
    std::atomic<int> taken = 0;
    std::atomic<bool> is_lost = false;
    FakeNode a, b;
    LedgerPort ledger;
    std::deque<OwnedBatch> batches;
    std::unique_ptr<SinkDriver> driver;
    int number = 0;
};

TEST_F(ClusterSinkTest, DeliversToTheOwnerThatAnyNodeNames) {
    run(
        [&](const std::string& command) {
            return command == "CLUSTER SLOTS" ? slots_of(b.port()) : "-MOVED " + b.target_of(slot) + "\r\n";
        },
        [&](const std::string&) { return stored; });
    deliver(2);
    EXPECT_EQ(a.commands(), Commands{});
    EXPECT_EQ(b.commands(), adds(0, 6));
    EXPECT_EQ(driver->cluster().redirects_moved, 0u);
    EXPECT_TRUE(driver->run_until_state(sinks::SinkState::ready));
    ASSERT_EQ(driver->sink().nodes().size(), 1u);
    EXPECT_EQ(driver->sink().nodes()[0].address, "127.0.0.1:" + std::to_string(b.port()));
}

TEST_F(ClusterSinkTest, AnEmptyHostIsTheOneThatWasAsked) {
    run(
        [&](const std::string& command) {
            return command == "CLUSTER SLOTS"
                       ? slots_of(a.port(), "")
                       : "-MOVED " + std::to_string(slot) + " :" + std::to_string(b.port()) + "\r\n";
        },
        [&](const std::string& command) { return command == "CLUSTER SLOTS" ? slots_of(b.port(), "") : stored; });
    deliver(1);
    EXPECT_EQ(b.commands(), adds(0, 3));
}

TEST_F(ClusterSinkTest, MovedInTheMiddleOfABatchGoesOnAtTheOwner) {
    run(
        [&](const std::string& command) {
            if (command == "CLUSTER SLOTS") return slots_of(taken > 1 ? b.port() : a.port());
            return taken++ < 1 ? stored : "-MOVED " + b.target_of(slot) + "\r\n";
        },
        [&](const std::string& command) { return command == "CLUSTER SLOTS" ? slots_of(b.port()) : stored; });
    deliver(3);
    EXPECT_EQ(b.commands(), adds(1, 9)) << "all but the one that was taken, once and in order";
    EXPECT_GE(driver->cluster().redirects_moved, 2u);
    EXPECT_GE(driver->cluster().refreshes, 1u);
}

TEST_F(ClusterSinkTest, WhatIsOnTheWireBehindARedirectIsSentAgainEvenIfItWasTaken) {
    // The slot comes back while commands are on the wire: at least once, and the last time in order.
    run(
        [&](const std::string& command) {
            if (command == "CLUSTER SLOTS") return slots_of(a.port());
            return taken++ == 1 ? "-MOVED " + a.target_of(slot) + "\r\n" : stored;
        },
        [&](const std::string&) { return stored; });
    deliver(1);
    EXPECT_EQ(a.commands(), (Commands{add(0), add(1), add(2), add(1), add(2)}));
}

// As the admin thread does for /status and /metrics, while nodes come and go.
TEST_F(ClusterSinkTest, AnotherThreadMayAskForFiguresAndNodes) {
    run(
        [&](const std::string& command) {
            if (command == "CLUSTER SLOTS") return slots_of(taken > 1 ? b.port() : a.port());
            return taken++ < 1 ? stored : "-MOVED " + b.target_of(slot) + "\r\n";
        },
        [&](const std::string& command) { return command == "CLUSTER SLOTS" ? slots_of(b.port()) : stored; });
    std::atomic<bool> has_ended = false;
    std::size_t nodes_count_max = 0;
    std::thread reader([&] {
        while (!has_ended) {
            nodes_count_max = std::max(nodes_count_max, driver->sink().nodes().size());
            static_cast<void>(driver->sink().last_error());
            static_cast<void>(driver->sink().figures().delivery.state.load());
            static_cast<void>(sinks::is_lane_away(driver->sink().signal(), 0));
        }
    });
    deliver(4);
    has_ended = true;
    reader.join();
    EXPECT_GE(nodes_count_max, 1u);
}

TEST_F(ClusterSinkTest, AskGoesThereWithAskingForThisBatchOnly) {
    run(
        [&](const std::string& command) {
            if (command == "CLUSTER SLOTS") return slots_of(a.port());
            return taken++ < 3 ? "-ASK " + b.target_of(slot) + "\r\n" : stored;
        },
        [&](const std::string& command) { return command == "ASKING" ? "+OK\r\n" : stored; });
    driver->submit(submit());
    EXPECT_TRUE(driver->run_until_settled(1));
    driver->submit(submit());
    EXPECT_TRUE(driver->run_until_settled(2));
    EXPECT_EQ(b.commands(), (Commands{"ASKING", add(0), "ASKING", add(1), "ASKING", add(2)}));
    EXPECT_EQ(a.commands().size(), 6u);
    EXPECT_EQ(driver->cluster().redirects_ask, 3u);
    EXPECT_EQ(ledger.delivered_samples, 6u);
}

// "Not now": nothing is lost, nobody is told of a failure, and one command goes first.
class NotNow : public ClusterSinkTest, public testing::WithParamInterface<const char*> {};

TEST_P(NotNow, IsTriedAgainInOrder) {
    run(
        [&](const std::string& command) {
            if (command == "CLUSTER SLOTS") return slots_of(a.port());
            return taken++ < 8 ? std::string("-") + GetParam() + " for a while\r\n" : stored;
        },
        [&](const std::string&) { return stored; });
    batches.emplace_back().add(resp({"XADD", key, "*", "n", "0"})).add(resp({"XADD", key, "*", "n", "1"})).ticket(0, 2);
    number = 2;
    driver->submit(batches.back());
    driver->submit(submit());
    EXPECT_TRUE(driver->run_until([&] { return driver->delivery().state == sinks::SinkState::stalled; }));
    EXPECT_NE(driver->sink().last_error().find(GetParam()), std::string::npos) << driver->sink().last_error();
    EXPECT_EQ(driver->delivery().refusal, CommandOutcome::busy);
    EXPECT_NE(driver->delivery().refused_ns, 0u);
    EXPECT_TRUE(driver->run_until_settled(2));
    EXPECT_EQ(ledger.delivered_samples, 5u) << "a request that waits is not refused either";
    const Commands seen = a.commands();
    ASSERT_GE(seen.size(), 8u);
    // All that was on the wire, then the first alone until it is taken, then the rest.
    EXPECT_EQ(Commands(seen.end() - 5, seen.end()), adds(0, 5));
    EXPECT_EQ(seen[seen.size() - 6], add(0));
    EXPECT_TRUE(driver->run_until_state(sinks::SinkState::ready));
    EXPECT_TRUE(driver->run_until([&] { return driver->sink().last_error().empty(); })) << driver->sink().last_error();
}
INSTANTIATE_TEST_SUITE_P(Errors, NotNow, testing::Values("TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN"),
                         [](const auto& error) { return std::string(error.param); });

TEST_F(ClusterSinkTest, ARefusalIsToldToWhoeverWaits) {
    run(
        [&](const std::string& command) {
            if (command == "CLUSTER SLOTS") return slots_of(a.port());
            return taken++ == 1 ? std::string("-OOM no\r\n") : stored;
        },
        [&](const std::string&) { return stored; });
    driver->submit(submit().ticket(0, 3));
    EXPECT_TRUE(driver->run_until_settled(1));
    EXPECT_EQ(ledger.dropped_samples, 1u);
    EXPECT_EQ(batches[0]->outcome(1), CommandOutcome::busy);
    driver->submit(submit());
    EXPECT_TRUE(driver->run_until_settled(2));
    EXPECT_EQ(a.commands(), adds(0, 6)) << "a refused command of a request is not tried again";
}

TEST_F(ClusterSinkTest, ALostNodeIsReplacedByWhomTheOthersName) {
    run(
        [&](const std::string& command) {
            if (is_lost) return std::string("hang up");
            if (command == "CLUSTER SLOTS") return slots_of(a.port());
            if (taken++ == 1) is_lost = true;
            return is_lost ? std::string("hang up") : stored;
        },
        [&](const std::string& command) { return command == "CLUSTER SLOTS" ? slots_of(b.port()) : stored; });
    driver = std::make_unique<SinkDriver>(ledger,
                                          sinks::make_cluster_sink(settings_for({a.address(), b.address()}), ledger));
    // b says that it owns everything from the beginning: whoever is asked first decides, and both ways must do.
    deliver(4);
    const Commands at_a = a.commands(), at_b = b.commands();
    EXPECT_EQ(Commands(at_b.end() - 9, at_b.end()), adds(3, 12));
    EXPECT_TRUE(at_a.empty() || at_a[0] == add(0));
}

// With one partition only its own primary is connected. When that one dies the others of the old map may be gone, too:
// who is left is a seed, or was named as a replica.
enum class Survivor { seed, replica };
class WhoIsLeft : public ClusterSinkTest, public testing::WithParamInterface<Survivor> {};

TEST_P(WhoIsLeft, IsAsked) {
    FakeNode other;  // a primary of the first map
    const auto slots_at_first = [&] {
        const auto node = [](std::uint16_t port) {
            return "*2\r\n$9\r\n127.0.0.1\r\n:" + std::to_string(port) + "\r\n";
        };
        const bool has_replica = GetParam() == Survivor::replica;
        const std::string own = has_replica ? "*4\r\n:1\r\n:16383\r\n" + node(a.port()) + node(b.port())
                                            : "*3\r\n:1\r\n:16383\r\n" + node(a.port());
        return "*2\r\n*3\r\n:0\r\n:0\r\n" + node(other.port()) + own;
    };
    other.start([](const std::string&) { return std::string("hang up"); });
    a.start([&](const std::string& command) {
        if (is_lost) return std::string("hang up");
        return command == "CLUSTER SLOTS" ? slots_at_first() : stored;
    });
    b.start([&](const std::string& command) {
        if (!is_lost) return std::string("hang up");
        return command == "CLUSTER SLOTS" ? slots_of(b.port()) : stored;
    });
    std::vector<sinks::ServerAddress> seeds{a.address()};
    if (GetParam() == Survivor::seed) seeds.push_back(b.address());
    driver = std::make_unique<SinkDriver>(ledger, sinks::make_cluster_sink(settings_for(seeds), ledger));
    driver->submit(submit());
    EXPECT_TRUE(driver->run_until_settled(1));
    is_lost = true;
    driver->submit(submit());
    EXPECT_TRUE(driver->run_until_settled(2)) << driver->sink().last_error();
    EXPECT_EQ(b.commands(), adds(3, 6));
}
INSTANTIATE_TEST_SUITE_P(Nodes, WhoIsLeft, testing::Values(Survivor::seed, Survivor::replica),
                         [](const auto& who) { return who.param == Survivor::seed ? "Seed" : "Replica"; });

TEST_F(ClusterSinkTest, NodesThatSendEachOtherTheBlameAreNotAskedInAQuickLoop) {
    run(
        [&](const std::string& command) {
            return command == "CLUSTER SLOTS" ? slots_of(a.port()) : "-MOVED " + b.target_of(slot) + "\r\n";
        },
        [&](const std::string& command) {
            return command == "CLUSTER SLOTS" ? slots_of(a.port()) : "-MOVED " + a.target_of(slot) + "\r\n";
        });
    driver->submit(submit());
    driver->run_for(300);
    EXPECT_TRUE(ledger.finals.empty());
    EXPECT_GT(a.commands().size() + b.commands().size(), 4u);
    // Four times three at once, then one command for each pause, of at least 1, 2, 4, 8 and then 10 ms.
    EXPECT_LT(a.commands().size() + b.commands().size(), 60u);
}

TEST(ClusterSink, APartitionWhoseNodeIsAwayHoldsUpNoOther) {
    const std::vector<std::string> keys{"t:{0}", "t:{1}"};
    FakeNode node, away;  // `away` listens, but nobody serves it
    node.start([&](const std::string& command) {
        if (command != "CLUSTER SLOTS") return stored;
        const auto range = [](int from, int to, std::uint16_t port) {
            return "*3\r\n:" + std::to_string(from) + "\r\n:" + std::to_string(to) +
                   "\r\n*2\r\n$9\r\n127.0.0.1\r\n:" + std::to_string(port) + "\r\n";
        };
        const int first = sinks::redis::slot_of(keys[0]);
        return "*3\r\n" + range(0, first - 1, node.port()) + range(first, first, away.port()) +
               range(first + 1, 16383, node.port());
    });
    LedgerPort ledger;
    SinkDriver driver(ledger, sinks::make_cluster_sink(settings_for({node.address()}, keys), ledger));
    std::deque<OwnedBatch> batches;
    for (int i = 0; i < 40; ++i) {  // more than a window holds
        OwnedBatch& batch = batches.emplace_back();
        batch.add(resp({"XADD", keys[static_cast<std::size_t>(i % 2)], "*", "n", std::to_string(i)}));
        batch->lane = static_cast<std::uint16_t>(i % 2);
        driver.submit(batch);
    }
    EXPECT_TRUE(driver.run_until_settled(20));
    driver.run_for(30);
    EXPECT_EQ(ledger.finals.size(), 20u);
    EXPECT_EQ(node.commands().size(), 20u);
    EXPECT_EQ(driver.delivery().state, sinks::SinkState::connecting);
}

TEST(ClusterSink, WithoutADescriptorItDoesNotOpenAndSaysWhy) {
    LedgerPort ledger;
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const int first_free = ::dup(STDERR_FILENO);
    ::close(first_free);
    const rlimit none_left{static_cast<rlim_t>(first_free), before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none_left), 0);
    const auto sink = sinks::make_cluster_sink(settings_for({{"127.0.0.1", 1}}), ledger);
    const auto opened = sink->open();
    sink->advance(0, 1);  // where nobody opens it, it goes on without
    EXPECT_EQ(sink->interest().fd, -1);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), "connections to the cluster cannot be watched (epoll): Too many open files");
    EXPECT_TRUE(sink->open());
    EXPECT_GE(sink->interest().fd, 0);
}

}  // namespace
}  // namespace sluice::tests
