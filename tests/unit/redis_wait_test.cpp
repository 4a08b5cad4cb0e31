// WAIT and WAITAOF of the Redis sink: what is sent behind a batch whose tickets want replicas, and what each answer
// means. A real primary with a real replica is in tests/system/test_replicated.py.
// runs: release asan tsan
#include <gtest/gtest.h>

#include <deque>

#include "sinks/redis/single/redis_sink.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/sink_driver.hpp"

namespace sluice::tests {
namespace {

const std::string id_reply = "$15\r\n1700000000000-0\r\n";
const std::string unknown_reply = "-ERR unknown command 'WAITAOF'\r\n";

bool is_replicated(const Batch& batch) { return batch.settled.tickets_replicated_from == 0; }

struct Delivered {
    LedgerPort ledger;
    OwnedBatch batch;
    std::vector<std::vector<std::string>> commands;
    std::string last_error;
    std::uint64_t failures_count = 0;
};

// Delivers one batch of two samples that want two replicas.
void deliver_two(std::vector<ScriptedServer::Connection> scripts, Delivered& run, bool tries_wait_aof = true) {
    ScriptedServer server(std::move(scripts));
    sinks::RedisSettings settings = server.settings();
    settings.replicas_count = 2;
    settings.replicas_timeout_ns = 700'000'000;
    settings.tries_wait_aof = tries_wait_aof;
    SinkDriver driver(run.ledger, sinks::make_redis_sink(settings, run.ledger));
    run.batch.add(resp({"XADD", "t", "*", "n", "0"}))
        .add(resp({"XADD", "t", "*", "n", "1"}))
        .replicated_ticket(0, 2, 2);
    driver.submit(run.batch);
    EXPECT_TRUE(driver.run_until_settled(1));
    run.last_error = driver.sink().last_error();
    run.failures_count = driver.link().connection_failures;
    server.stop();
    run.commands = server.commands();
    EXPECT_EQ(run.ledger.delivered_samples, 2u) << "the primary has them, whatever the replicas say";
}

ScriptedServer::Connection greeted(std::string probe_reply, std::string replies) {
    return {.replies = std::move(replies),
            .greeting = "+OK\r\n" + std::move(probe_reply) + "+PONG\r\n",
            .greeting_commands_count = 3};
}

struct AnswerCase {
    const char* name;
    const char* probe_reply;
    const char* wait_reply;
    const char* command;
    bool is_replicated;
};

class RedisWaitAnswer : public ::testing::TestWithParam<AnswerCase> {};

TEST_P(RedisWaitAnswer, IsUnderstood) {
    const AnswerCase& c = GetParam();
    Delivered run;
    deliver_two({greeted(c.probe_reply, id_reply + id_reply + c.wait_reply)}, run);
    ASSERT_EQ(run.commands.size(), 1u);
    EXPECT_EQ(run.commands[0], (std::vector<std::string>{"XADD t * n 0", "XADD t * n 1", c.command}));
    EXPECT_EQ(is_replicated(*run.batch), c.is_replicated);
    EXPECT_EQ(run.failures_count, 0u);
}

constexpr const char* no_wait_aof = "-ERR unknown command 'WAITAOF'\r\n";
constexpr const char* wait = "WAIT 2 700";
constexpr const char* wait_aof = "WAITAOF 1 2 700";

INSTANTIATE_TEST_SUITE_P(
    Answers, RedisWaitAnswer,
    ::testing::Values(AnswerCase{"enough", no_wait_aof, ":2\r\n", wait, true},
                      AnswerCase{"more_than_enough", no_wait_aof, ":3\r\n", wait, true},
                      AnswerCase{"too_few", no_wait_aof, ":1\r\n", wait, false},
                      AnswerCase{"none", no_wait_aof, ":0\r\n", wait, false},
                      AnswerCase{"error", no_wait_aof, "-NOPERM no WAIT\r\n", wait, false},
                      AnswerCase{"no_number", no_wait_aof, "+OK\r\n", wait, false},
                      AnswerCase{"aof_off",
                                 "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n",
                                 ":2\r\n", wait, true},
                      AnswerCase{"aof_forbidden", "-NOPERM no WAITAOF\r\n", ":2\r\n", wait, true},
                      AnswerCase{"aof_enough", "*2\r\n:1\r\n:0\r\n", "*2\r\n:1\r\n:2\r\n", wait_aof, true},
                      AnswerCase{"aof_too_few", "*2\r\n:1\r\n:0\r\n", "*2\r\n:1\r\n:1\r\n", wait_aof, false},
                      AnswerCase{"aof_not_local", "*2\r\n:1\r\n:0\r\n", "*2\r\n:0\r\n:2\r\n", wait_aof, false},
                      AnswerCase{"aof_integer", "*2\r\n:1\r\n:0\r\n", ":2\r\n", wait_aof, false},
                      AnswerCase{"aof_empty", "*2\r\n:1\r\n:0\r\n", "*0\r\n", wait_aof, false}),
    [](const auto& test) { return test.param.name; });

TEST(RedisWait, TheServerIsNotAskedForWaitaofWhereItIsNotWanted) {
    Delivered run;
    deliver_two({{.replies = id_reply + id_reply + ":2\r\n"}}, run, false);
    EXPECT_EQ(run.commands[0].back(), wait);
    EXPECT_TRUE(is_replicated(*run.batch));
}

TEST(RedisWait, ARefusedWaitIsNamed) {
    Delivered run;
    deliver_two({greeted(unknown_reply, id_reply + id_reply + "-NOPERM this user may not\r\n")}, run);
    EXPECT_TRUE(run.last_error.starts_with("Redis at ")) << run.last_error;
    EXPECT_TRUE(run.last_error.ends_with(" refuses: NOPERM this user may not")) << run.last_error;
}

TEST(RedisWait, AnArrayElsewhereBreaksTheConnection) {
    for (const char* const replies :
         {"*2\r\n:1\r\n:2\r\n", "$3\r\n1-1\r\n$3\r\n1-1\r\n*3\r\n:1\r\n:2\r\n:3\r\n",
          "$3\r\n1-1\r\n$3\r\n1-1\r\n*1\r\n*1\r\n:1\r\n", "$3\r\n1-1\r\n$3\r\n1-1\r\n*1\r\n+a\r\n",
          "$3\r\n1-1\r\n$3\r\n1-1\r\n*1\r\n$-1\r\n", "$3\r\n1-1\r\n$3\r\n1-1\r\n*1\r\n-a\r\n"}) {
        Delivered run;
        deliver_two({greeted(unknown_reply, replies), greeted(unknown_reply, id_reply + id_reply + ":2\r\n")}, run);
        EXPECT_EQ(run.failures_count, 1u) << replies;
    }
}

// What was confirmed over a connection that is gone, no other connection's WAIT can tell of.
TEST(RedisWait, ALostConnectionLosesItsWait) {
    Delivered cut_before_wait;
    deliver_two({{.replies = id_reply + id_reply,
                  .hang_up = true,
                  .greeting = "+OK\r\n" + unknown_reply + "+PONG\r\n",
                  .greeting_commands_count = 3}},
                cut_before_wait);
    EXPECT_FALSE(is_replicated(*cut_before_wait.batch));

    Delivered cut_within;
    deliver_two({{.replies = id_reply,
                  .hang_up = true,
                  .greeting = "+OK\r\n" + unknown_reply + "+PONG\r\n",
                  .greeting_commands_count = 3},
                 greeted(unknown_reply, id_reply + ":2\r\n")},
                cut_within);
    EXPECT_FALSE(is_replicated(*cut_within.batch)) << "its first sample went over the lost connection";

    Delivered cut_at_once;
    deliver_two({{.replies = "$",
                  .hang_up = true,
                  .greeting = "+OK\r\n" + unknown_reply + "+PONG\r\n",
                  .greeting_commands_count = 3},
                 greeted(unknown_reply, id_reply + id_reply + ":2\r\n")},
                cut_at_once);
    EXPECT_TRUE(is_replicated(*cut_at_once.batch)) << "all of it went over the second connection";
}

TEST(RedisWait, ARealServerWithoutReplicasConfirmsNone) {
    if (!RedisServer::available()) GTEST_SKIP() << "redis-server is not installed";
    RedisServer server;
    LedgerPort ledger;
    sinks::RedisSettings settings = server.settings();
    settings.replicas_count = 1;
    settings.replicas_timeout_ns = 20'000'000;
    SinkDriver driver(ledger, sinks::make_redis_sink(settings, ledger));
    OwnedBatch wanted;
    wanted.add_sample("telemetry", "d", 0).replicated_ticket(0, 1, 1);
    OwnedBatch stored;
    stored.add_sample("telemetry", "d", 1).ticket(0, 1);
    driver.submit(wanted);
    driver.submit(stored);
    ASSERT_TRUE(driver.run_until_settled(2));
    EXPECT_FALSE(is_replicated(*wanted));
    EXPECT_EQ(server.stream_values("telemetry", "sequence").size(), 2u);
    EXPECT_EQ(driver.replication().waits, 1u) << "none for the batch that only wants to be stored";
    EXPECT_EQ(driver.replication().waits_short, 1u);
    EXPECT_EQ(driver.delivery().state, sinks::SinkState::ready);
    EXPECT_EQ(driver.sink().last_error(), "");
}

}  // namespace
}  // namespace sluice::tests
