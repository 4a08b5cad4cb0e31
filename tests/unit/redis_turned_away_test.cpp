// A Redis that turns connections away: it says why, and closes. Its own sentence is shown, by each kind of connection.
// runs: release asan tsan
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <utility>

#include "engine/core/check.hpp"
#include "sinks/redis/cluster/cluster_sink.hpp"
#include "sinks/redis/link/blocking_client.hpp"
#include "sinks/redis/single/redis_sink.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/sink_driver.hpp"

namespace sluice::tests {
namespace {

// Accepts, says one line and closes, as Redis does before it looks at what a client asks.
class Doorkeeper {
  public:
    explicit Doorkeeper(std::string line) : line_(std::move(line)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
        CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        CHECK(::listen(listener_, 8) == 0 && ::pipe(stop_pipe_) == 0);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~Doorkeeper() {
        ::close(stop_pipe_[1]);
        thread_.join();
        ::close(stop_pipe_[0]);
        ::close(listener_);
    }
    Doorkeeper(const Doorkeeper&) = delete;
    Doorkeeper& operator=(const Doorkeeper&) = delete;

    [[nodiscard]] sinks::RedisSettings settings() const {
        sinks::RedisSettings settings;
        settings.host = "127.0.0.1";
        settings.port = port_;
        settings.connect_timeout_ns = 2'000'000'000;
        settings.backoff_min_ns = 2'000'000;
        settings.backoff_max_ns = 20'000'000;
        return settings;
    }

  private:
    void serve() {
        pollfd descriptors[2] = {{stop_pipe_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
        while (::poll(descriptors, 2, -1) > 0 && descriptors[0].revents == 0) {
            const int client = ::accept(listener_, nullptr, nullptr);
            static_cast<void>(::send(client, line_.data(), line_.size(), MSG_NOSIGNAL));
            ::close(client);
        }
    }

    const std::string line_;
    const int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int stop_pipe_[2] = {-1, -1};
    std::uint16_t port_ = 0;
    std::thread thread_;
};

struct Line {
    const char* name;
    const char* text;  // without '-' and line end
};

class TurnedAway : public testing::TestWithParam<Line> {
  protected:
    // What a sink says of a failed attempt.
    static std::string error_of(std::unique_ptr<sinks::Sink> sink, LedgerPort& ledger) {
        SinkDriver driver(ledger, std::move(sink));
        EXPECT_TRUE(driver.run_until([&] { return driver.link().connection_failures != 0; }));
        return driver.sink().last_error();
    }

    const Doorkeeper server{std::string("-") + GetParam().text + "\r\n"};
    LedgerPort ledger;
};

TEST_P(TurnedAway, ASinkSaysWhy) {
    for (const char* const password : {"", "secret"}) {
        sinks::RedisSettings settings = server.settings();
        settings.password = password;
        const std::string error = error_of(sinks::make_redis_sink(settings, ledger), ledger);
        EXPECT_EQ(error, "Redis at 127.0.0.1:" + std::to_string(settings.port) + " refuses: " + GetParam().text);
    }
}

TEST_P(TurnedAway, AClusterSaysWhy) {
    const sinks::RedisSettings settings = server.settings();
    const std::string error =
        error_of(sinks::make_cluster_sink({{{"127.0.0.1", settings.port}}, {"t:{0}"}, settings}, ledger), ledger);
    EXPECT_TRUE(error.ends_with(std::string(" refuses: ") + GetParam().text)) << error;
}

TEST_P(TurnedAway, WhoAsksSaysWhy) {
    for (const char* const client_name : {"", "test"}) {
        sinks::redis::BlockingClient client(server.settings(), client_name);
        const bool is_answered = client.connect() && client.ask(sinks::redis::Command{"INFO", "memory"}) != nullptr;
        EXPECT_FALSE(is_answered);
        EXPECT_FALSE(client.is_connected());
        EXPECT_EQ(client.failure(), GetParam().text);
    }
}

INSTANTIATE_TEST_SUITE_P(Lines, TurnedAway,
                         testing::Values(Line{"max_clients", "ERR max number of clients reached"},
                                         Line{"max_clients_in_cluster",
                                              "ERR max number of clients + cluster connections reached"},
                                         Line{"protected_mode", "DENIED Redis is running in protected mode"}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(TurnedAwayFor, AnotherReasonIsToldBesideTheLostConnection) {
    const Doorkeeper server("-ERR closed on Sundays\r\n");
    LedgerPort ledger;
    SinkDriver driver(ledger, sinks::make_redis_sink(server.settings(), ledger));
    EXPECT_TRUE(driver.run_until([&] { return driver.link().connection_failures != 0; }));
    const std::string error = driver.sink().last_error();
    EXPECT_TRUE(error.ends_with("; before that it said: ERR closed on Sundays")) << error;
}

TEST(TurnedAwayFor, TooManyClientsOfARealServer) {
    if (!RedisServer::available()) GTEST_SKIP() << "redis-server is not installed";
    const RedisServer server(RedisServer::Listen::tcp, {"--maxclients", "1"});
    sinks::redis::BlockingClient other(server.settings());
    ASSERT_TRUE(other.connect());
    ASSERT_NE(other.ask(sinks::redis::Command{"PING"}), nullptr);
    LedgerPort ledger;
    SinkDriver driver(ledger, sinks::make_redis_sink(server.settings(), ledger));
    EXPECT_TRUE(driver.run_until([&] { return driver.link().connection_failures != 0; }));
    const std::string error = driver.sink().last_error();
    EXPECT_TRUE(error.ends_with(" refuses: ERR max number of clients reached")) << error;
}

}  // namespace
}  // namespace sluice::tests
