// The Redis sink where the server may change (Sentinel): a silent one is given up as soon as another is the primary.
// runs: release asan tsan
#include <gtest/gtest.h>

#include "sinks/redis/single/redis_sink.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/sink_driver.hpp"

namespace sluice::tests {
namespace {

class RedisFailoverTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!RedisServer::available()) GTEST_SKIP() << "redis-server is not installed";
        first = std::make_unique<RedisServer>();
        second = std::make_unique<RedisServer>();
        primary = address_of(*first);
        sinks::RedisSettings settings = first->settings();
        settings.reply_timeout_ns = 3'600'000'000'000;  // not what ends the wait
        settings.suspicious_silence_ns = 20'000'000;
        settings.find_server = [this] { return primary; };
        settings.has_moved_from = [this](const sinks::ServerAddress& present) {
            ++questions_count;
            return primary != present;
        };
        driver = std::make_unique<SinkDriver>(ledger, sinks::make_redis_sink(settings, ledger));
    }
    [[nodiscard]] static sinks::ServerAddress address_of(const RedisServer& server) {
        return {"127.0.0.1", server.port()};
    }
    OwnedBatch& batch(std::uint64_t number) { return batches.emplace_back().add_sample("telemetry", "d1", number); }

    std::unique_ptr<RedisServer> first, second;
    sinks::ServerAddress primary;
    std::uint64_t questions_count = 0;
    LedgerPort ledger;
    std::unique_ptr<SinkDriver> driver;
    std::deque<OwnedBatch> batches;
};

TEST_F(RedisFailoverTest, ASilentServerIsKeptUntilAnotherIsThePrimary) {
    driver->submit(batch(0));
    ASSERT_TRUE(driver->run_until_settled(1));
    driver->run_for(100);
    EXPECT_EQ(questions_count, 0u) << "a server that owes nothing may be silent";
    first->stop_process();
    driver->submit(batch(1));
    ASSERT_TRUE(driver->run_until([&] { return questions_count >= 3; })) << "asked again and again";
    EXPECT_EQ(driver->link().connection_failures, 0u);
    primary = address_of(*second);
    ASSERT_TRUE(driver->run_until_settled(2));
    EXPECT_EQ(second->stream_values("telemetry", "sequence"), std::vector<std::string>{"1"});
    EXPECT_TRUE(ledger.conserved());
    first->continue_process();
}

}  // namespace
}  // namespace sluice::tests
