// The sink that delivers exactly once, over a real redis-server that is stopped, killed and filled between its steps.
// runs: release asan tsan
#include <gtest/gtest.h>

#include <deque>

#include "sinks/redis/exactly_once/exactly_once_sink.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/sink_driver.hpp"

namespace sluice::tests {
namespace {

class ExactlyOnce : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!RedisServer::available()) GTEST_SKIP() << "no redis-server";
    }

    static sinks::OwnedStreams streams(std::vector<std::string>& conflicts, sinks::EntryId known_last = {}) {
        return {.index_key = "t:streams",
                .keys = {"t:{0}:i"},
                .owner = {.instance = "i",
                          .known_last = known_last,
                          .conflict = {},
                          .on_conflict = [&conflicts](const std::string& sentence) { conflicts.push_back(sentence); }}};
    }

    // `count` samples in one batch, with the IDs that follow.
    OwnedBatch& next_batch(std::uint32_t count = 3) {
        OwnedBatch& batch = batches.emplace_back();
        for (; count > 0; --count, ++number)
            batch.add(resp({"XADD", "t:{0}:i", "1-" + std::to_string(64 + 8 * number), "n", std::to_string(number)}));
        return batch;
    }

    static std::vector<std::string> numbers(std::uint64_t end) {
        std::vector<std::string> all;
        for (std::uint64_t i = 0; i < end; ++i) all.push_back(std::to_string(i));
        return all;
    }

    LedgerPort ledger;
    std::deque<OwnedBatch> batches;
    std::vector<std::string> conflicts;
    std::uint64_t number = 0;
};

TEST_F(ExactlyOnce, DeliversInOrderAndListsItsStreams) {
    RedisServer server(RedisServer::Listen::unix_socket);
    SinkDriver driver(ledger, sinks::make_exactly_once_sink(server.settings(), streams(conflicts), ledger));
    for (int i = 0; i < 30; ++i) driver.submit(next_batch(100));
    ASSERT_TRUE(driver.run_until_settled(30)) << driver.sink().last_error();
    EXPECT_EQ(server.stream_values("t:{0}:i", "n"), numbers(3000));
    EXPECT_EQ(server.command({"SMEMBERS", "t:streams"}), "t:{0}:i");
    EXPECT_EQ(driver.delivery().state, sinks::SinkState::ready);
    EXPECT_EQ(driver.exactly_once().duplicates_refused, 0u);
    EXPECT_TRUE(ledger.conserved());
}

// EXEC was sent, and the connection is given up before its answer: Redis runs it later, from a client that is gone.
TEST_F(ExactlyOnce, ResendsWhatWasAppliedBehindALostConnection) {
    RedisServer server;
    sinks::RedisSettings settings = server.settings();
    settings.reply_timeout_ns = 200'000'000;
    SinkDriver driver(ledger, sinks::make_exactly_once_sink(settings, streams(conflicts), ledger));
    driver.submit(next_batch());
    ASSERT_TRUE(driver.run_until_settled(1));
    server.stop_process();
    driver.submit(next_batch());
    driver.submit(next_batch());
    ASSERT_TRUE(driver.run_until([&] { return driver.link().connection_failures > 0; }));
    server.continue_process();
    ASSERT_TRUE(driver.run_until_settled(3)) << driver.sink().last_error();
    EXPECT_EQ(server.stream_values("t:{0}:i", "n"), numbers(9));
    EXPECT_EQ(driver.exactly_once().duplicates_refused, 6u);
    EXPECT_TRUE(conflicts.empty());
    EXPECT_EQ(driver.sink().last_error(), "");
}

// The trap: were the samples sent one by one, those that find room again would stand above those that did not.
TEST_F(ExactlyOnce, MemoryThatRunsOutAmongSamplesLosesNone) {
    RedisServer server;
    SinkDriver driver(ledger, sinks::make_exactly_once_sink(server.settings(), streams(conflicts), ledger));
    ASSERT_TRUE(driver.run_until_state(sinks::SinkState::ready));
    for (std::uint64_t round = 1; round <= 5; ++round) {
        const std::string info = server.command({"INFO", "memory"});
        const std::uint64_t used_bytes = std::stoull(info.substr(info.find("used_memory:") + 12));
        EXPECT_EQ(server.command({"CONFIG", "SET", "maxmemory", std::to_string(used_bytes + round * 60'000)}), "OK");
        for (int i = 0; i < 12; ++i) driver.submit(next_batch(200));
        const std::uint64_t busy_count = driver.delivery().replies_busy;
        EXPECT_TRUE(driver.run_until([&] { return driver.delivery().replies_busy > busy_count; }))
            << "it was not filled";
        EXPECT_EQ(driver.delivery().state, sinks::SinkState::stalled);
        EXPECT_EQ(server.command({"CONFIG", "SET", "maxmemory", "0"}), "OK");
        ASSERT_TRUE(driver.run_until_settled(round * 12)) << driver.sink().last_error();
    }
    EXPECT_EQ(server.stream_values("t:{0}:i", "n"), numbers(number));
    EXPECT_EQ(driver.exactly_once().duplicates_refused, 0u);
    EXPECT_TRUE(conflicts.empty());
}

TEST_F(ExactlyOnce, StopsForGoodWhereAnotherWrites) {
    RedisServer server;
    SinkDriver driver(ledger, sinks::make_exactly_once_sink(server.settings(), streams(conflicts), ledger));
    driver.submit(next_batch());
    ASSERT_TRUE(driver.run_until_settled(1));
    EXPECT_EQ(server.command({"XADD", "t:{0}:i", "2-0", "n", "foreign"}), "2-0");
    driver.submit(next_batch());
    ASSERT_TRUE(driver.run_until([&] { return !conflicts.empty(); }));
    driver.run_for(100);
    EXPECT_EQ(ledger.finals.size(), 1u);
    EXPECT_EQ(conflicts.size(), 1u);
    EXPECT_EQ(driver.delivery().state, sinks::SinkState::stalled);
    EXPECT_NE(driver.sink().last_error().find("did not send"), std::string::npos) << driver.sink().last_error();
}

TEST_F(ExactlyOnce, StopsForGoodWhereTheStreamEndsBehindTheJournal) {
    RedisServer server;
    EXPECT_EQ(server.command({"XADD", "t:{0}:i", "2-8", "n", "x"}), "2-8");
    {
        SinkDriver driver(ledger, sinks::make_exactly_once_sink(server.settings(), streams(conflicts, {2, 8}), ledger));
        ASSERT_TRUE(driver.run_until_state(sinks::SinkState::ready)) << "an earlier life may have sent it";
    }
    SinkDriver driver(ledger, sinks::make_exactly_once_sink(server.settings(), streams(conflicts, {2, 0}), ledger));
    ASSERT_TRUE(driver.run_until([&] { return !conflicts.empty(); }));
    EXPECT_EQ(conflicts.front(), "t:{0}:i ends at 2-8, but this journal has sent no entry above 2-0");
}

TEST_F(ExactlyOnce, SendsNothingBehindAMultiThatIsRefused) {
    RedisServer server;
    SinkDriver driver(ledger, sinks::make_exactly_once_sink(server.settings(), streams(conflicts), ledger));
    EXPECT_EQ(server.command({"ACL", "SETUSER", "default", "-multi"}), "OK");
    driver.submit(next_batch());
    ASSERT_TRUE(driver.run_until(
        [&] { return driver.sink().last_error().find("refuses MULTI: NOPERM") != std::string::npos; }));
    driver.run_for(50);
    EXPECT_TRUE(server.stream_values("t:{0}:i", "n").empty());
    EXPECT_EQ(server.command({"ACL", "SETUSER", "default", "+multi"}), "OK");
    ASSERT_TRUE(driver.run_until_settled(1)) << driver.sink().last_error();
    EXPECT_EQ(server.stream_values("t:{0}:i", "n"), numbers(3));
}

TEST_F(ExactlyOnce, ServersThatAnswerNonsenseGetNoSamples) {
    ScriptedServer server(
        {{.replies = ":1\r\n*1\r\n$1\r\nx\r\n"}, {.replies = ":1\r\n$-1\r\n"}, {.replies = "HTTP/1.1 400\r\n"}});
    SinkDriver driver(ledger, sinks::make_exactly_once_sink(server.settings(), streams(conflicts), ledger));
    driver.submit(next_batch());
    std::string errors;
    ASSERT_TRUE(driver.run_until([&] {
        if (errors.find(driver.sink().last_error()) == std::string::npos) errors += driver.sink().last_error() + "\n";
        return driver.link().connection_failures >= 3;
    }));
    server.stop();
    EXPECT_NE(errors.find("has no last-generated-id"), std::string::npos) << errors;
    EXPECT_NE(errors.find("(nil)"), std::string::npos) << errors;
    for (const auto& connection : server.commands())
        for (const std::string& command : connection) EXPECT_FALSE(command.starts_with("XADD")) << command;
}

}  // namespace
}  // namespace sluice::tests
