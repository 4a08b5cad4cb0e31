// The Redis sink against replies that a real server does not send, or not when a test wants it: pieces of one byte,
// wrong types, garbage, half replies and then the end. Whatever comes, every sample is accounted for once.
// runs: release asan tsan
#include <gtest/gtest.h>

#include <deque>

#include "sinks/redis/single/redis_sink.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/sink_driver.hpp"

namespace sluice::tests {
namespace {

const std::string id_reply = "$15\r\n1700000000000-0\r\n";

struct Outcome {
    std::vector<std::vector<std::string>> commands;
    std::string last_error_seen;  // the last while a connection failed
    std::uint64_t connects_count = 0;
    std::uint64_t resent_count = 0;
    std::deque<OwnedBatch> batches;
    LedgerPort ledger;
};

// Delivers one batch of three samples, numbered 0 to 2, to a server that follows `scripts`.
void deliver_three(std::vector<ScriptedServer::Connection> scripts, Outcome& run) {
    ScriptedServer server(std::move(scripts));
    SinkDriver driver(run.ledger, sinks::make_redis_sink(server.settings(), run.ledger));
    OwnedBatch& batch = run.batches.emplace_back();
    for (std::uint64_t i = 0; i < 3; ++i) batch.add(resp({"XADD", "t", "*", "n", std::to_string(i)}));
    driver.submit(batch);
    EXPECT_TRUE(driver.run_until([&] {
        if (driver.link().connection_failures > 0 && !driver.sink().last_error().empty()) {
            run.last_error_seen = driver.sink().last_error();
        }
        return run.ledger.finals.size() == 1;
    }));
    run.connects_count = driver.link().connects;
    run.resent_count = driver.delivery().batches_resent;
    server.stop();
    run.commands = server.commands();
    EXPECT_TRUE(run.ledger.conserved());
}

TEST(RedisSinkProtocol, TakesRepliesByteByByte) {
    Outcome run;
    deliver_three({{.replies = id_reply + ":1\r\n" + "+QUEUED\r\n"}}, run);
    EXPECT_EQ(run.ledger.delivered_samples, 3u);
    EXPECT_EQ(run.connects_count, 1u);
}

TEST(RedisSinkProtocol, ErrorsFailOnlyTheirCommand) {
    Outcome run;
    deliver_three({{.replies = id_reply + "-OOM command not allowed\r\n" + id_reply}, {}}, run);
    EXPECT_EQ(run.connects_count, 2u) << "the script answers three commands only: the retry times out once";
    EXPECT_EQ(run.ledger.delivered_samples, 3u);
    ASSERT_EQ(run.commands.size(), 2u);
    EXPECT_EQ(run.commands[0].back(), "XADD t * n 1") << "only the refused command is tried again";
    EXPECT_EQ(run.commands[1], std::vector<std::string>{"XADD t * n 1"});
}

TEST(RedisSinkProtocol, ResendsFromTheFirstCommandWithoutReply) {
    Outcome run;
    deliver_three({{.replies = id_reply + "$15\r\n17000000", .hang_up = true}, {}}, run);
    EXPECT_EQ(run.resent_count, 1u);
    ASSERT_EQ(run.commands.size(), 2u);
    EXPECT_EQ(run.commands[1], (std::vector<std::string>{"XADD t * n 1", "XADD t * n 2"}));
    EXPECT_NE(run.last_error_seen.find("closed the connection"), std::string::npos) << run.last_error_seen;
}

TEST(RedisSinkProtocol, RemembersARefusalAcrossALostConnection) {
    Outcome run;
    deliver_three({{.replies = "-OOM no\r\n" + id_reply, .hang_up = true}, {}}, run);
    ASSERT_EQ(run.commands.size(), 2u);
    EXPECT_EQ(run.commands[1], (std::vector<std::string>{"XADD t * n 2", "XADD t * n 0"}));
}

struct BrokenReply {
    const char* name;
    std::string bytes;
    const char* last_error;
};

class RedisSinkBrokenReply : public ::testing::TestWithParam<BrokenReply> {};

TEST_P(RedisSinkBrokenReply, DropsTheConnectionAndDeliversOverTheNext) {
    Outcome run;
    deliver_three({{.replies = GetParam().bytes, .piece_bytes = 4096}, {}}, run);
    EXPECT_EQ(run.ledger.delivered_samples, 3u);
    EXPECT_EQ(run.connects_count, 2u);
    EXPECT_NE(run.last_error_seen.find(GetParam().last_error), std::string::npos) << run.last_error_seen;
}

INSTANTIATE_TEST_SUITE_P(
    Replies, RedisSinkBrokenReply,
    ::testing::Values(BrokenReply{"garbage", "HTTP/1.1 400 Bad Request\r\n\r\n", "protocol error"},
                      BrokenReply{"nil", "$-1\r\n", "nil"}, BrokenReply{"array", "*1\r\n:1\r\n", "array"},
                      BrokenReply{"deep_array", "*1\r\n*1\r\n*1\r\n*1\r\n", "array"},
                      BrokenReply{"push", ">2\r\n+a\r\n+b\r\n", "array"},
                      BrokenReply{"map", "%1\r\n+a\r\n+b\r\n", "array"}, BrokenReply{"null", "_\r\n", "nil"},
                      BrokenReply{"boolean", "#t\r\n", "boolean"}, BrokenReply{"double", ",1.5\r\n", "double"},
                      BrokenReply{"bad_length", "$abc\r\n", "protocol error"},
                      BrokenReply{"endless_line", "+" + std::string(40'000, 'x'), "too long"},
                      BrokenReply{"huge_bulk", "$2000000000\r\n" + std::string(40'000, 'x'), "too long"},
                      BrokenReply{"control_bytes", std::string("\x01\x02\xff", 3), "protocol error"}),
    [](const auto& test) { return test.param.name; });

TEST(RedisSinkProtocol, MoreRepliesThanCommandsAreNotTrusted) {
    Outcome run;
    deliver_three({{.replies = id_reply + id_reply + id_reply + id_reply, .piece_bytes = 4096}}, run);
    EXPECT_EQ(run.ledger.delivered_samples, 3u);
    EXPECT_NE(run.last_error_seen.find("answers what it was not asked"), std::string::npos) << run.last_error_seen;
}

TEST(RedisSinkProtocol, RefusedGreetingIsNamedWithPrintableText) {
    Outcome run;
    deliver_three({{.replies = "", .greeting = "+OK\r\n-LOADING \x1b[31mred\r\n"}, {}}, run);
    EXPECT_NE(run.last_error_seen.find("refuses PING: LOADING ?[31mred"), std::string::npos) << run.last_error_seen;
    EXPECT_EQ(run.connects_count, 1u);
}

TEST(RedisSinkProtocol, RefusedSetnameIsOfNoAccount) {
    Outcome run;
    deliver_three({{.replies = "", .greeting = "-ERR unknown subcommand\r\n+PONG\r\n"}}, run);
    EXPECT_EQ(run.connects_count, 1u);
    EXPECT_EQ(run.ledger.delivered_samples, 3u);
}

}  // namespace
}  // namespace sluice::tests
