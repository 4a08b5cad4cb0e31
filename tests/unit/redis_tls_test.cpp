// TLS to a real redis-server: samples through sockets that block, whom a client trusts, and files that change between
// two connects.
// runs: release asan
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <deque>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "sinks/redis/link/blocking_client.hpp"
#include "sinks/redis/single/redis_sink.hpp"
#include "sinks/redis/tls/client.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/sink_driver.hpp"
#include "tests/support/tls_files.hpp"

namespace sluice::tests {
namespace {

using sinks::SinkState;
using sinks::redis::BlockingClient;

class RedisTls : public testing::Test {
  protected:
    void SetUp() override {
        if (!RedisServer::available()) GTEST_SKIP() << "redis-server is not installed";
        std::signal(SIGPIPE, SIG_IGN);  // as the engine does
        server = std::make_unique<RedisServer>(
            RedisServer::Listen::tcp,
            std::vector<std::string>{"--tls-port", std::to_string(port), "--tls-cert-file",
                                     files.settings().pair.certificate, "--tls-key-file", files.settings().pair.key,
                                     "--tls-ca-cert-file", files.settings().pair.certificate, "--tls-auth-clients",
                                     "optional"});
        settings = server->settings();
        settings.port = port;
        settings.tls = {.is_on = true, .ca = files.settings().pair.certificate, .server_name = "localhost"};
    }
    void TearDown() override { EXPECT_TRUE(driver == nullptr || ledger.conserved()); }
    void connect() { driver = std::make_unique<SinkDriver>(ledger, sinks::make_redis_sink(settings, ledger)); }
    OwnedBatch& batch_of(std::uint32_t count) {
        OwnedBatch& batch = batches.emplace_back();
        for (std::uint32_t i = 0; i < count; ++i) batch.add_sample("telemetry", "d1", next_sequence++);
        return batch;
    }
    [[nodiscard]] std::vector<std::string> expected_sequence() const {
        std::vector<std::string> all;
        for (std::uint64_t i = 0; i < next_sequence; ++i) all.push_back(std::to_string(i));
        return all;
    }
    // Why a client with these settings does not connect.
    [[nodiscard]] std::string failure() const {
        BlockingClient client(settings);
        return client.connect() ? "connected" : client.failure();
    }

    const TlsFiles files;
    const std::uint16_t port = free_port();
    std::unique_ptr<RedisServer> server;
    sinks::RedisSettings settings;
    LedgerPort ledger;
    std::unique_ptr<SinkDriver> driver;
    std::deque<OwnedBatch> batches;
    std::uint64_t next_sequence = 0;
};

TEST_F(RedisTls, SendsWhatTheSocketTakesAndGoesOn) {
    settings.send_buffer_bytes = 4096;
    connect();
    ASSERT_TRUE(driver->run_until_state(SinkState::ready)) << driver->sink().last_error();
    server->stop_process();  // it reads nothing: what the kernel does not take stays with the sink
    for (int i = 0; i < 30; ++i) driver->submit(batch_of(500));
    const bool was_full = driver->run_until([&] { return (driver->sink().interest().events & POLLOUT) != 0; });
    server->continue_process();
    ASSERT_TRUE(was_full) << "the buffers of the kernel took 30 batches";
    ASSERT_TRUE(driver->run_until_settled(30)) << driver->sink().last_error();
    EXPECT_EQ(server->stream_values("telemetry", "sequence"), expected_sequence());
    EXPECT_EQ(driver->link().connection_failures, 0U);
}

// OpenSSL takes both records from the socket, of which poll(2) then knows nothing.
TEST_F(RedisTls, RepliesThatArriveTogetherAreAllRead) {
    connect();
    ASSERT_TRUE(driver->run_until_state(SinkState::ready)) << driver->sink().last_error();
    sinks::Sink& sink = driver->sink();
    int before_bytes = 0;
    for (int i = 0; i < 2; ++i) {
        OwnedBatch& batch = batch_of(1);
        ledger.submitted(*batch);
        sink.submit(*batch);
        sink.advance(0, monotonic_ns());  // sends, and does not read
        int waiting_bytes = 0;
        const auto has_come = [&] {
            return ::ioctl(sink.interest().fd, FIONREAD, &waiting_bytes) == 0 && waiting_bytes > before_bytes;
        };
        const std::uint64_t end_ns = monotonic_ns() + patience_ns;
        while (!has_come() && monotonic_ns() < end_ns) ::usleep(1000);
        ASSERT_GT(waiting_bytes, before_bytes) << "no reply";
        before_bytes = waiting_bytes;
    }
    sink.advance(POLLIN, monotonic_ns());
    EXPECT_EQ(ledger.finals.size(), 2U);
}

TEST_F(RedisTls, TheServerMustBeWhoItSaysItIs) {
    EXPECT_EQ(failure(), "connected");
    settings.tls.server_name = "redis.test";
    EXPECT_EQ(
        failure(),
        "no TLS: its certificate is for DNS:localhost, and not for redis.test; connect by a name that it has, or set "
        "sink.redis.tls_server_name to one");
    settings.tls.server_name.clear();
    EXPECT_TRUE(failure().contains("and not for 127.0.0.1;")) << failure();
    settings.tls.ca.clear();
    EXPECT_EQ(failure(),
              "no TLS: its certificate is signed by itself, whom this system does not trust; set "
              "sink.redis.tls_ca to a file with that one's certificate");
    settings.tls.is_verified = false;
    EXPECT_EQ(failure(), "connected");
}

TEST_F(RedisTls, AFailureIsToldAndTriedAgainAfterAPause) {
    const TlsFiles others;
    settings.tls.ca = others.settings().pair.certificate;
    settings.backoff_min_ns = settings.backoff_max_ns = 100'000'000;
    connect();
    ASSERT_TRUE(driver->run_until([&] { return driver->link().connection_failures >= 1; }));
    const std::string peer = "127.0.0.1:" + std::to_string(port);
    EXPECT_EQ(driver->sink().last_error(), "no TLS with " + peer +
                                               ": its certificate is signed by itself, and not by whom " +
                                               settings.tls.ca + " (sink.redis.tls_ca) holds");
    // Each pause is 50 ms or more.
    const std::uint64_t begin_ns = monotonic_ns(), begin_count = driver->link().connection_failures;
    ASSERT_TRUE(driver->run_until([&] { return driver->link().connection_failures >= begin_count + 3; }));
    EXPECT_GE(monotonic_ns() - begin_ns, 100'000'000U);
    // The file is read again at each connect.
    std::filesystem::copy_file(files.settings().pair.certificate, settings.tls.ca,
                               std::filesystem::copy_options::overwrite_existing);
    EXPECT_TRUE(driver->run_until_state(SinkState::ready)) << driver->sink().last_error();
}

TEST_F(RedisTls, ACertificateThatIsWanted) {
    server->command({"CONFIG", "SET", "tls-auth-clients", "yes"});
    BlockingClient client(settings);
    const bool is_refused = !client.connect() || client.ask(sinks::redis::Command{"PING"}) == nullptr;
    EXPECT_TRUE(is_refused);
    EXPECT_TRUE(client.failure().contains("sink.redis.tls_certificate")) << client.failure();
    settings.tls.certificate = files.settings().pair.certificate;
    settings.tls.key = files.settings().pair.key;
    BlockingClient known(settings);
    ASSERT_TRUE(known.connect()) << known.failure();
    EXPECT_NE(known.ask(sinks::redis::Command{"PING"}), nullptr) << known.failure();

    ASSERT_EQ(::chmod(settings.tls.key.c_str(), 0644), 0);
    EXPECT_EQ(failure(), "the key file " + settings.tls.key +
                             " can be read or written by every user of this machine; chmod o-rw mends that");
}

TEST_F(RedisTls, FilesThatAreNotThere) {
    settings.tls.ca = "/nowhere/ca.pem";
    EXPECT_EQ(failure(), "the file of sink.redis.tls_ca /nowhere/ca.pem cannot be opened: No such file or directory");
    settings.tls.ca = "/dev/null";
    EXPECT_EQ(failure(), "the file of sink.redis.tls_ca /dev/null holds no certificate in PEM");
}

}  // namespace
}  // namespace sluice::tests
