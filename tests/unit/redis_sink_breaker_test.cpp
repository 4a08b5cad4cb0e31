// The Redis sink and its circuit breaker: what opens it, what is sent while it is half open, and what closes it.
// runs: release asan tsan
#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "sinks/redis/single/redis_sink.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/sink_driver.hpp"

namespace sluice::tests {
namespace {

using sinks::BreakerState;

const std::string half_a_reply = "$15\r\n17000000";

class RedisSinkBreakerTest : public ::testing::Test {
  protected:
    void connect(const sinks::RedisSettings& given) {
        sinks::RedisSettings settings = given;
        settings.backoff_min_ns = 5'000'000;
        settings.backoff_max_ns = 20'000'000;
        driver = std::make_unique<SinkDriver>(ledger, sinks::make_redis_sink(settings, ledger));
    }
    // One sample; a stored one has a ticket.
    OwnedBatch& submit(std::uint64_t number, bool is_stored) {
        OwnedBatch& batch = batches.emplace_back().add(resp({"XADD", "t", "*", "n", std::to_string(number)}));
        if (is_stored) batch.ticket(0, 1);
        driver->submit(batch);
        return batch;
    }
    [[nodiscard]] bool run_until_breaker(BreakerState state) {
        return driver->run_until([&] { return driver->signal().breaker == state; });
    }

    LedgerPort ledger;
    std::unique_ptr<SinkDriver> driver;
    std::deque<OwnedBatch> batches;
};

TEST_F(RedisSinkBreakerTest, NobodyListeningOpensItAndAConnectionClosesIt) {
    if (!RedisServer::available()) GTEST_SKIP() << "redis-server is not installed";
    RedisServer server(RedisServer::Listen::tcp, {});
    server.kill_hard();
    connect(server.settings());
    ASSERT_TRUE(run_until_breaker(BreakerState::open));
    EXPECT_EQ(driver->link().connection_failures, 3u);
    EXPECT_GT(driver->signal().breaker_retry_ns, 0u);
    ASSERT_TRUE(driver->run_until([&] { return driver->link().connection_failures == 6; }));
    EXPECT_EQ(driver->delivery().breaker_opens, 1u) << "attempts that fail are one outage";
    EXPECT_EQ(driver->signal().breaker_turn, 0u) << "samples cannot show anything without a connection";
    server.start_again();
    ASSERT_TRUE(run_until_breaker(BreakerState::closed)) << "without any sample";
    EXPECT_EQ(driver->delivery().breaker_failures, 0u);
    EXPECT_EQ(driver->signal().breaker_retry_ns, 0u);
}

TEST_F(RedisSinkBreakerTest, AServerThatHangsUpGetsTheFrontBatchAlone) {
    // Greets each time, and hangs up on the first command.
    ScriptedServer server({{.replies = half_a_reply, .hang_up = true},
                           {.replies = half_a_reply, .hang_up = true},
                           {.replies = half_a_reply, .hang_up = true},
                           {.replies = half_a_reply, .hang_up = true},
                           {}});
    connect(server.settings());
    submit(0, false);
    submit(1, false);
    ASSERT_TRUE(driver->run_until([&] { return driver->link().connects == 4; }));
    EXPECT_EQ(driver->signal().breaker, BreakerState::half_open) << "that it greets is not enough";
    ASSERT_TRUE(driver->run_until_settled(2));
    EXPECT_EQ(driver->signal().breaker, BreakerState::closed);
    server.stop();
    ASSERT_EQ(server.commands().size(), 5u);
    EXPECT_EQ(server.commands()[3], std::vector<std::string>{"XADD t * n 0"});
    EXPECT_EQ(server.commands()[4], (std::vector<std::string>{"XADD t * n 0", "XADD t * n 1"}));
    EXPECT_TRUE(ledger.conserved());
}

TEST_F(RedisSinkBreakerTest, IdleConnectionsThatEndAreNoFailure) {
    ScriptedServer server(std::vector<ScriptedServer::Connection>(1));
    connect(server.settings());
    ASSERT_TRUE(driver->run_until([&] { return driver->link().connects == 1; }));
    server.stop();
    ASSERT_TRUE(driver->run_until([&] { return driver->link().connection_failures >= 1; }));
    EXPECT_EQ(driver->delivery().breaker_failures, 0u);
}

TEST_F(RedisSinkBreakerTest, RefusedBatchesOpenItAndEachTurnAsksForOneSample) {
    if (!RedisServer::available()) GTEST_SKIP() << "redis-server is not installed";
    RedisServer server(RedisServer::Listen::tcp, {});
    server.command({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
    server.command({"CONFIG", "SET", "maxmemory", "1"});
    connect(server.settings());
    for (std::uint64_t i = 0; i < 3; ++i) {
        EXPECT_EQ(driver->signal().breaker, BreakerState::closed);
        submit(i, true);
        ASSERT_TRUE(driver->run_until_settled(i + 1));
    }
    EXPECT_EQ(driver->signal().breaker, BreakerState::open);
    EXPECT_EQ(driver->signal().breaker_turn, 0u);
    ASSERT_TRUE(run_until_breaker(BreakerState::half_open)) << "by itself, when the pause is over";
    const std::uint64_t first_turn = driver->signal().breaker_turn;
    EXPECT_NE(first_turn, 0u);
    driver->run_for(50);
    EXPECT_EQ(driver->signal().breaker_turn, first_turn) << "nothing was tried";
    submit(3, true);
    ASSERT_TRUE(driver->run_until_settled(4));
    EXPECT_EQ(driver->signal().breaker, BreakerState::open);
    ASSERT_TRUE(run_until_breaker(BreakerState::half_open));
    EXPECT_EQ(driver->signal().breaker_turn, first_turn + 1);
    server.command({"CONFIG", "SET", "maxmemory", "0"});
    submit(4, true);
    ASSERT_TRUE(driver->run_until_settled(5));
    EXPECT_EQ(driver->signal().breaker, BreakerState::closed);
    EXPECT_EQ(driver->signal().breaker_turn, 0u);
    EXPECT_EQ(driver->delivery().breaker_opens, 1u);
    EXPECT_EQ(ledger.delivered_samples, 1u);
    EXPECT_TRUE(ledger.conserved());
}

TEST_F(RedisSinkBreakerTest, KeptSamplesAreTheAttempt) {
    if (!RedisServer::available()) GTEST_SKIP() << "redis-server is not installed";
    RedisServer server(RedisServer::Listen::tcp, {});
    server.command({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
    server.command({"CONFIG", "SET", "maxmemory", "1"});
    connect(server.settings());
    submit(0, false);
    ASSERT_TRUE(run_until_breaker(BreakerState::open));
    driver->run_for(50);
    EXPECT_EQ(driver->signal().breaker_turn, 0u) << "what is kept shows how the server is";
    server.command({"CONFIG", "SET", "maxmemory", "0"});
    ASSERT_TRUE(driver->run_until_settled(1));
    EXPECT_EQ(driver->signal().breaker, BreakerState::closed);
}

// A part of a batch that is refused says nothing of the server: only of one key, say.
TEST_F(RedisSinkBreakerTest, BatchesThatAreRefusedInPartDoNotOpenIt) {
    if (!RedisServer::available()) GTEST_SKIP() << "redis-server is not installed";
    RedisServer server(RedisServer::Listen::tcp, {});
    server.command({"SET", "t", "no stream"});
    connect(server.settings());
    for (std::uint64_t i = 0; i < 10; ++i) {
        OwnedBatch& batch = batches.emplace_back();
        batch.add(resp({"XADD", "t", "*", "n", "0"})).add(resp({"XADD", "other", "*", "n", "0"})).ticket(0, 2);
        driver->submit(batch);
        ASSERT_TRUE(driver->run_until_settled(i + 1));
    }
    EXPECT_EQ(driver->signal().breaker, BreakerState::closed);
    EXPECT_EQ(driver->delivery().breaker_opens, 0u);
}

}  // namespace
}  // namespace sluice::tests
