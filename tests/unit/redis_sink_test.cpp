// The Redis sink against a real redis-server: what is delivered, kept, answered and sent again when the server
// works, refuses, pauses and dies. The scripted server of redis_sink_protocol_test.cpp covers what a real one never
// sends.
// runs: release asan tsan
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <thread>

#include "sinks/redis/single/redis_sink.hpp"
#include "tests/support/allocation_counter.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/sink_driver.hpp"

namespace sluice::tests {
namespace {

using sinks::SinkState;

class RedisSinkTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!RedisServer::available()) GTEST_SKIP() << "redis-server is not installed";
    }

    void start(RedisServer::Listen listen = RedisServer::Listen::tcp, std::vector<std::string> arguments = {}) {
        server = std::make_unique<RedisServer>(listen, std::move(arguments));
        settings = server->settings();
    }
    void connect() { driver = std::make_unique<SinkDriver>(ledger, sinks::make_redis_sink(settings, ledger)); }

    OwnedBatch& new_batch() { return batches.emplace_back(); }
    // `count` samples of one device, numbered on.
    OwnedBatch& batch_of(std::uint32_t count, const std::string& key = "telemetry") {
        OwnedBatch& batch = new_batch();
        for (std::uint32_t i = 0; i < count; ++i) batch.add_sample(key, "d1", next_sequence++);
        return batch;
    }
    [[nodiscard]] std::string last_error() { return driver->sink().last_error(); }
    [[nodiscard]] std::vector<std::string> expected_sequence() const {
        std::vector<std::string> all;
        for (std::uint64_t i = 0; i < next_sequence; ++i) all.push_back(std::to_string(i));
        return all;
    }

    void TearDown() override {
        if (driver == nullptr) return;
        EXPECT_TRUE(ledger.conserved());
    }

    std::unique_ptr<RedisServer> server;
    sinks::RedisSettings settings;
    LedgerPort ledger;
    std::unique_ptr<SinkDriver> driver;
    std::deque<OwnedBatch> batches;
    std::uint64_t next_sequence = 0;
};

TEST_F(RedisSinkTest, DeliversOverTcpInOrder) {
    start();
    connect();
    for (int i = 0; i < 40; ++i) driver->submit(batch_of(200));
    ASSERT_TRUE(driver->run_until_settled(40));
    EXPECT_EQ(ledger.delivered_samples, 8000u);
    EXPECT_EQ(driver->delivery().replies_ok, 8000u);
    EXPECT_EQ(driver->delivery().batches_sent, 40u);
    EXPECT_EQ(driver->delivery().batches_resent, 0u);
    EXPECT_EQ(driver->delivery().state, SinkState::ready);
    EXPECT_EQ(last_error(), "");
    EXPECT_EQ(server->stream_values("telemetry", "sequence"), expected_sequence());
    for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(ledger.finals[i], batches[i].get());
    EXPECT_GT(batches[0]->settled.replied_ns, 0u);
}

TEST_F(RedisSinkTest, DeliversOverUnixSocketIntoChosenDatabase) {
    start(RedisServer::Listen::unix_socket);
    settings.db = 3;
    connect();
    driver->submit(batch_of(10));
    ASSERT_TRUE(driver->run_until_settled(1));
    EXPECT_EQ(server->stream_values("telemetry", "sequence").size(), 0u);
    EXPECT_NE(server->command({"INFO", "keyspace"}).find("db3:keys=1"), std::string::npos);
    EXPECT_NE(server->command({"CLIENT", "LIST"}).find("name=sluice"), std::string::npos);
}

TEST_F(RedisSinkTest, SendsWhatTheSocketTakesAndGoesOn) {
    start();
    settings.send_buffer_bytes = 4096;
    connect();
    server->stop_process();  // it reads nothing: what the kernel does not take stays with the sink
    for (int i = 0; i < 30; ++i) driver->submit(batch_of(500));
    const auto waits_to_send = [this] { return (driver->sink().interest().events & POLLOUT) != 0; };
    const bool was_full = driver->run_until(waits_to_send);
    server->continue_process();
    ASSERT_TRUE(was_full) << "the buffers of the kernel took 30 batches";
    ASSERT_TRUE(driver->run_until_settled(30));
    EXPECT_EQ(server->stream_values("telemetry", "sequence"), expected_sequence());
}

TEST_F(RedisSinkTest, AllocatesNothingPerBatchAfterWarmUp) {
    if (!can_count_allocations()) GTEST_SKIP() << "does not apply: allocations cannot be counted under a sanitizer";
    start();
    LedgerPort unwatched;
    unwatched.finals.reserve(4096);
    const auto sink = sinks::make_redis_sink(settings, unwatched);
    OwnedBatch& batch = batch_of(500);
    std::uint64_t after_warm_up_count = 0;
    for (std::size_t round = 0; round < 400; ++round) {
        if (round == 20) after_warm_up_count = allocations_count();
        sink->submit(*batch);
        sink->advance(0, monotonic_ns());
        while (unwatched.finals.size() <= round) {
            pollfd descriptor{sink->interest().fd, sink->interest().events, 0};
            ASSERT_EQ(::poll(&descriptor, 1, 60'000), 1);
            sink->advance(descriptor.revents, monotonic_ns());
        }
    }
    EXPECT_EQ(allocations_count() - after_warm_up_count, 0u);
}

// --- authentication ----------------------------------------------------------------------------------

TEST_F(RedisSinkTest, AuthenticatesWithPasswordAndWithUser) {
    start(RedisServer::Listen::tcp, {"--requirepass", "secret"});
    settings.password = "secret";
    connect();
    driver->submit(batch_of(1));
    ASSERT_TRUE(driver->run_until_settled(1));

    // Neither PING nor CLIENT: only what writing needs.
    server->command({"ACL", "SETUSER", "writer", "on", ">pen", "~telemetry", "+xadd"}, "secret");
    settings.user = "writer";
    settings.password = "pen";
    connect();
    driver->submit(batch_of(1));
    ASSERT_TRUE(driver->run_until_settled(2)) << last_error();
    EXPECT_EQ(server->command({"XLEN", "telemetry"}, "secret"), "2");

    // A user without a password is a user nevertheless.
    server->command({"ACL", "SETUSER", "open", "on", "nopass", "~telemetry", "+xadd"}, "secret");
    server->command({"ACL", "SETUSER", "default", "off"}, "secret");
    settings.user = "open";
    settings.password = "";
    connect();
    driver->submit(batch_of(1));
    ASSERT_TRUE(driver->run_until_settled(3)) << last_error();
}

TEST_F(RedisSinkTest, WrongPasswordIsNamedAndRetriedUntilItIsRight) {
    start(RedisServer::Listen::tcp, {"--requirepass", "old"});
    settings.password = "new";
    connect();
    driver->submit(batch_of(5));
    ASSERT_TRUE(driver->run_until([&] { return driver->link().connection_failures >= 2; }));
    EXPECT_EQ(driver->delivery().state, SinkState::connecting);
    EXPECT_NE(last_error().find("refuses AUTH: WRONGPASS"), std::string::npos) << last_error();
    EXPECT_EQ(last_error().find("new"), std::string::npos) << "the password must not be shown";

    EXPECT_EQ(server->command({"CONFIG", "SET", "requirepass", "new"}, "old"), "OK");
    ASSERT_TRUE(driver->run_until_settled(1));
    EXPECT_EQ(last_error(), "");
}

TEST_F(RedisSinkTest, MissingPasswordIsFoundBeforeAnythingIsSent) {
    start(RedisServer::Listen::tcp, {"--requirepass", "secret"});
    connect();
    driver->submit(batch_of(5));
    ASSERT_TRUE(driver->run_until([&] { return driver->link().connection_failures >= 1; }));
    EXPECT_NE(last_error().find("NOAUTH"), std::string::npos) << last_error();
    EXPECT_EQ(driver->delivery().batches_sent, 0u);
    server->command({"CONFIG", "SET", "requirepass", ""}, "secret");
    ASSERT_TRUE(driver->run_until_settled(1));
}

// --- refused commands ----------------------------------------------------------------------------------

TEST_F(RedisSinkTest, QueuedSamplesOfWrongTypeAreKeptUntilTheKeyIsMended) {
    start();
    server->command({"SET", "telemetry", "not a stream"});
    connect();
    OwnedBatch& batch = batch_of(2);
    batch.add_sample("other", "d2", 0);
    driver->submit(batch);
    ASSERT_TRUE(driver->run_until_state(SinkState::stalled));
    EXPECT_NE(last_error().find(" refuses: WRONGTYPE Operation against"), std::string::npos) << last_error();
    driver->submit(batch_of(3));
    driver->run_for(200);
    EXPECT_EQ(ledger.finals.size(), 0u) << "later batches must not overtake";
    EXPECT_EQ(server->stream_values("other", "sequence").size(), 1u) << "stored once, not with every retry";

    server->command({"DEL", "telemetry"});
    ASSERT_TRUE(driver->run_until_settled(2));
    EXPECT_EQ(ledger.delivered_samples, 6u);
    EXPECT_EQ(ledger.dropped_samples, 0u);
    EXPECT_EQ(driver->delivery().state, SinkState::ready);
    EXPECT_EQ(last_error(), "");
    EXPECT_EQ(server->stream_values("telemetry", "sequence"), expected_sequence());
}

TEST_F(RedisSinkTest, StoredSamplesOfWrongTypeFailAtOnce) {
    start();
    server->command({"SET", "telemetry", "not a stream"});
    connect();
    OwnedBatch& batch = new_batch().add_sample("other", "d1", 0).add_sample("telemetry", "d1", 1).ticket(0, 2);
    driver->submit(batch);
    ASSERT_TRUE(driver->run_until_settled(1));
    EXPECT_EQ(batch->settled.delivered, 1u);
    EXPECT_EQ(batch->settled.tickets_dropped, 1u);
    EXPECT_EQ(batch->outcome(0), CommandOutcome::delivered);
    EXPECT_EQ(batch->outcome(1), CommandOutcome::refused);
    EXPECT_EQ(driver->delivery().state, SinkState::ready);
    EXPECT_NE(last_error().find("WRONGTYPE"), std::string::npos);
}

TEST_F(RedisSinkTest, OutOfMemoryIsBusyAndPasses) {
    start();
    server->command({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
    server->command({"CONFIG", "SET", "maxmemory", "1"});
    connect();
    OwnedBatch& mixed = batch_of(4);  // 0 and 3 are queued, 1 and 2 belong to a stored request
    mixed.ticket(1, 2);
    driver->submit(mixed);
    ASSERT_TRUE(driver->run_until_state(SinkState::stalled));
    EXPECT_EQ(ledger.ticket_settlements, std::vector<Batch*>{mixed.get()});
    EXPECT_EQ(mixed->settled.tickets_dropped, 2u);
    EXPECT_EQ(mixed->outcome(1), CommandOutcome::busy);

    driver->run_for(100);
    server->command({"CONFIG", "SET", "maxmemory", "0"});
    ASSERT_TRUE(driver->run_until_settled(1));
    EXPECT_EQ(mixed->settled.delivered, 2u);
    EXPECT_EQ(server->stream_values("telemetry", "sequence"), (std::vector<std::string>{"0", "3"}));
    EXPECT_GT(driver->delivery().replies_busy, 4u);
    EXPECT_EQ(driver->delivery().replies_refused, 0u);
}

TEST_F(RedisSinkTest, ReadOnlyReplicaMakesItConnectAgain) {
    start();
    connect();
    driver->submit(batch_of(1));
    ASSERT_TRUE(driver->run_until_settled(1));
    server->command({"REPLICAOF", "127.0.0.1", std::to_string(free_port())});
    driver->submit(batch_of(2));
    ASSERT_TRUE(driver->run_until([&] { return driver->link().connects >= 3; }));
    EXPECT_EQ(ledger.finals.size(), 1u);
    EXPECT_NE(last_error().find("READONLY"), std::string::npos) << last_error();
    server->command({"REPLICAOF", "NO", "ONE"});
    ASSERT_TRUE(driver->run_until_settled(2));
    EXPECT_EQ(server->stream_values("telemetry", "sequence"), expected_sequence());
}

TEST_F(RedisSinkTest, LoadingServerIsWaitedFor) {
    start(RedisServer::Listen::tcp,
          {"--enable-debug-command", "yes", "--loading-process-events-interval-bytes", "1024"});
    server->command({"DEBUG", "POPULATE", "10000", "k", "100"});
    server->command({"CONFIG", "SET", "key-load-delay", "30"});
    connect();
    ASSERT_TRUE(driver->run_until_state(SinkState::ready));
    // Reloads for about a second, refusing commands meanwhile.
    std::thread reload([&] { server->command({"DEBUG", "RELOAD"}); });
    driver->run_for(50);
    for (int i = 0; i < 20; ++i) {
        driver->submit(batch_of(5));
        driver->run_for(20);
    }
    const bool settled = driver->run_until_settled(20);
    reload.join();
    ASSERT_TRUE(settled);
    EXPECT_EQ(ledger.delivered_samples, 100u);
    EXPECT_EQ(server->stream_values("telemetry", "sequence"), expected_sequence());
    if (driver->delivery().replies_busy == 0) GTEST_SKIP() << "the server loaded too fast to be seen loading";
}

// --- a server that goes away ------------------------------------------------------------------------

TEST_F(RedisSinkTest, SurvivesKillAndRestartInMidStream) {
    start();
    connect();
    for (int i = 0; i < 200; ++i) driver->submit(batch_of(300));
    ASSERT_TRUE(driver->run_until_settled(20));
    server->kill_hard();
    driver->run_for(100);
    EXPECT_EQ(driver->delivery().state, SinkState::connecting);
    EXPECT_NE(last_error(), "");
    server->start_again();
    ASSERT_TRUE(driver->run_until_settled(200));
    EXPECT_EQ(ledger.delivered_samples, 60'000u);
    EXPECT_GE(driver->link().connects, 2u);
    // The new server holds a gapless end of what was sent: nothing after the restart was lost or turned round.
    const std::vector<std::string> got = server->stream_values("telemetry", "sequence");
    ASSERT_FALSE(got.empty());
    const std::vector<std::string> all = expected_sequence();
    EXPECT_EQ(got, std::vector<std::string>(all.end() - static_cast<std::ptrdiff_t>(got.size()), all.end()));
}

TEST_F(RedisSinkTest, WaitsOutAPause) {
    start();
    connect();
    ASSERT_TRUE(driver->run_until_state(SinkState::ready));
    server->command({"CLIENT", "PAUSE", "300", "ALL"});
    for (int i = 0; i < 5; ++i) driver->submit(batch_of(10));
    driver->run_for(100);
    EXPECT_EQ(ledger.finals.size(), 0u);
    ASSERT_TRUE(driver->run_until_settled(5));
    EXPECT_EQ(driver->delivery().batches_resent, 0u);
    EXPECT_EQ(server->stream_values("telemetry", "sequence"), expected_sequence());
}

TEST_F(RedisSinkTest, FrozenServerIsGivenUpAfterTheReplyTimeout) {
    start();
    settings.reply_timeout_ns = 200'000'000;
    settings.connect_timeout_ns = 200'000'000;
    connect();
    ASSERT_TRUE(driver->run_until_state(SinkState::ready));
    server->stop_process();
    for (int i = 0; i < 3; ++i) driver->submit(batch_of(10));
    ASSERT_TRUE(driver->run_until([&] { return driver->link().connection_failures >= 2; }));
    EXPECT_NE(last_error().find("does not answer"), std::string::npos) << last_error();
    server->continue_process();
    ASSERT_TRUE(driver->run_until_settled(3));
    EXPECT_EQ(driver->delivery().batches_resent, 3u);
    EXPECT_EQ(ledger.delivered_samples, 30u);
    EXPECT_GE(server->stream_values("telemetry", "sequence").size(), 30u) << "at least once";
}

TEST_F(RedisSinkTest, NobodyListeningIsNamedAndRetriedWithPauses) {
    settings.host = "127.0.0.1";
    settings.port = free_port();
    settings.backoff_min_ns = 10'000'000;
    settings.backoff_max_ns = 40'000'000;
    connect();
    driver->submit(batch_of(1));
    driver->run_for(300);
    EXPECT_NE(last_error().find("Connection refused"), std::string::npos) << last_error();
    const std::uint64_t failures_count = driver->link().connection_failures;
    EXPECT_GE(failures_count, 5u);
    EXPECT_LE(failures_count, 25u) << "pauses of 20 to 40 ms after the first two";
    ledger.submitted_samples = 0;  // it was never there: nothing to conserve
}

}  // namespace
}  // namespace sluice::tests
