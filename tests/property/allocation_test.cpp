// No heap allocation for any request after warm-up, on the whole way recv → decode → batch → sink → response: measured
// on an engine in this process, with the null sink and with a real Redis, over every kind of request that carries
// telemetry.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/config/load.hpp"
#include "engine/runtime/engine.hpp"
#include "sinks/redis/resp/reply_stream.hpp"
#include "tests/support/allocation_counter.hpp"
#include "tests/support/http_text.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/tcp_client.hpp"

namespace sluice {
namespace {

// A client that knows responses. Its allocations do not count: they are those of the test's own thread.
class Client {
  public:
    explicit Client(std::uint16_t port) : socket_(port) {}

    void send(std::string_view bytes) const { socket_.send(bytes); }

    // Reads `count` responses with a Content-Length, and checks their status; 100 is no response.
    void expect(std::size_t count, std::string_view status) {
        while (count > 0) {
            const std::size_t head_end = received_.find("\r\n\r\n");
            const std::size_t length_at = received_.find("Content-Length: ");
            const std::size_t body = length_at < head_end ? std::stoul(received_.substr(length_at + 16)) : 0;
            if (head_end == std::string::npos || received_.size() < head_end + 4 + body) {
                const std::string more = socket_.receive();
                ASSERT_FALSE(more.empty()) << "no answer";
                received_ += more;
                continue;
            }
            const std::string answered = received_.substr(9, 3);
            ASSERT_TRUE(answered == status || answered == "100") << received_.substr(0, head_end + 4 + body);
            count -= answered == status ? 1 : 0;
            received_.erase(0, head_end + 4 + body);
        }
    }

  private:
    tests::TcpClient socket_;
    std::string received_;
};

std::string sample(int number) {
    return R"({"device_id":"device-)" + std::to_string(number % 100) + R"(","type":"temperature","value":)" +
           std::to_string(number) +
           R"(.5,"unit":"C","timestamp":"2026-11-23T20:31:05.123456Z","priority":"HIGH","metadata":{"room":"1"},"other":"x\n"})";
}

std::string lines(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += sample(i) + "\n";
    return text;
}

std::string repeated(std::string_view text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
}

std::string chunked(std::string_view path, std::string_view body) {
    std::array<char, 24> size;
    std::snprintf(size.data(), size.size(), "%zx\r\n", body.size());
    return "POST " + std::string(path) + " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + size.data() +
           std::string(body) + "\r\n0\r\n\r\n";
}

// One kind of exchange on a connection.
struct Exchange {
    const char* name;
    std::string bytes;
    std::size_t responses_count;
    const char* status = "200";
    std::size_t pieces_count = 1;  // packets, sent a moment apart
    int rounds_count = 500;
    bool is_last = false;  // the connection ends with it
};

std::vector<Exchange> exchanges() {
    constexpr std::string_view ndjson = "Content-Type: application/x-ndjson\r\n";
    const std::string one = tests::post("/telemetry?ack=stored", sample(1));
    const std::string array = "[" + sample(1) + "," + sample(2) + "]";
    const std::string http_1_0 =
        "POST /telemetry HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: " + std::to_string(sample(1).size()) +
        "\r\n\r\n" + sample(1);
    return {
        {"one sample, stored", one, 1},
        {"one sample, queued", tests::post("/telemetry?ack=queued", sample(1)), 1},
        {"pipelined, stored", repeated(one, 16), 16, "200", 1, 100},
        {"pipelined, queued", repeated(tests::post("/telemetry?ack=queued", sample(1)), 16), 16, "200", 1, 100},
        {"more pipelined than may wait", repeated(one, 300), 300, "200", 1, 10},
        {"an array", tests::post("/telemetry", array), 1},
        {"1,000 lines, stored", tests::post("/telemetry?ack=stored", lines(1000), ndjson), 1, "200", 1, 40},
        {"1,000 lines, queued", tests::post("/telemetry?ack=queued", lines(1000), ndjson), 1, "200", 1, 40},
        {"in three packets", one, 1, "200", 3, 100},
        {"1,000 lines in ten packets", tests::post("/telemetry", lines(1000), ndjson), 1, "200", 10, 10},
        {"chunked", chunked("/telemetry", sample(1)), 1},
        {"asked to go on", tests::post("/telemetry", sample(1), "Expect: 100-continue\r\n"), 1},
        {"HTTP/1.0", http_1_0, 1},
        {"some records refused", tests::post("/telemetry", "[" + sample(1) + ",{}]"), 1, "207"},
        {"all records refused", tests::post("/telemetry", "[{},{},{}]"), 1, "400"},
        {"not JSON", tests::post("/telemetry", "{nonsense"), 1, "400"},
        {"no such endpoint", tests::get("/nowhere"), 1, "404"},
        {"health", tests::get("/health"), 1},
        {"a connection of its own", tests::post("/telemetry", sample(1), "Connection: close\r\n"), 1, "200", 1, 200,
         true},
        {"malformed", "GET / HTTP/1.1\r\n\r\n", 1, "400", 1, 200, true},
    };
}

class Allocation : public testing::Test {
  protected:
    void SetUp() override {
        if (!tests::can_count_allocations()) GTEST_SKIP() << "allocations cannot be counted under a sanitizer";
    }

    // False, with the reason in `skipped`: no engine can run here.
    [[nodiscard]] bool start(const std::string& sink_url, const std::string& layout,
                             const std::string& backend = "auto") {
        const std::vector<config::Override> settings{{"--listen", "listen", "127.0.0.1:0"},
                                                     {"--admin", "admin.listen", "127.0.0.1:0"},
                                                     {"--sink", "sink.url", sink_url},
                                                     {"--set", "sink.redis.layout", layout},
                                                     {"--set", "ack_timeout", "20s"},
                                                     // A thread of its own, which asks once a second and allocates.
                                                     {"--set", "admission.interval", "0s"},
                                                     {"--backend", "io.backend", backend}};
        const config::Surroundings surroundings{{}, config::Surroundings::of_process().allowed_cores};
        auto config = config::load_config({{}, settings}, surroundings);
        CHECK(config.has_value());
        config->cores.resize(1);
        engine = std::make_unique<Engine>(std::move(*config));
        const auto started = engine->start();
        if (started) return true;
        EXPECT_TRUE(started.error().is_io_uring_unavailable) << started.error().sentence;
        skipped = started.error().sentence;
        return false;
    }

    // Carries out `exchange` once on `client`.
    static void carry_out(const Exchange& exchange, Client& client) {
        std::string_view left = exchange.bytes;
        const std::size_t piece_bytes = left.size() / exchange.pieces_count + 1;
        while (!left.empty()) {
            const std::size_t bytes = std::min(piece_bytes, left.size());
            client.send(left.substr(0, bytes));
            left.remove_prefix(bytes);
            if (!left.empty()) std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
        client.expect(exchange.responses_count, exchange.status);
    }

    void carry_out(const Exchange& exchange, int rounds_count) const {
        const std::uint16_t port = engine->config().listen.front().port;
        auto client = std::make_unique<Client>(port);
        for (int round = 0; round < rounds_count && !HasFatalFailure(); ++round) {
            carry_out(exchange, *client);
            if (exchange.is_last) client = std::make_unique<Client>(port);
        }
    }

    // Everything twice: the first time may allocate, the second may not.
    void expect_no_allocations() {
        const std::vector<Exchange> all = exchanges();
        for (const Exchange& exchange : all) carry_out(exchange, exchange.rounds_count);
        wait_for_next_second();
        for (const Exchange& exchange : all) {
            const std::uint64_t before = tests::allocations_of_others_count();
            carry_out(exchange, exchange.rounds_count);
            EXPECT_EQ(tests::allocations_of_others_count() - before, 0u) << exchange.name;
        }
        // The Date of responses changes with the second.
        const std::uint64_t before = tests::allocations_of_others_count();
        wait_for_next_second();
        carry_out(all.front(), 10);
        EXPECT_EQ(tests::allocations_of_others_count() - before, 0u) << "in a new second";
        engine->begin_drain();
        for (int i = 0; i < 1000 && !engine->is_drained(); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        const Engine::Report report = engine->stop();
        EXPECT_TRUE(report.is_conserved);
        EXPECT_EQ(report.undelivered, 0u);
        EXPECT_GT(report.delivered, 100'000u);
    }

    static void wait_for_next_second() {
        const std::time_t now = std::time(nullptr);
        while (std::time(nullptr) == now) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }

    std::unique_ptr<Engine> engine;
    std::string skipped;
};

TEST_F(Allocation, OfOtherThreadsAreCounted) {
    const std::uint64_t before = tests::allocations_of_others_count();
    std::thread([] {
        void* volatile memory = std::malloc(1);  // volatile: or the compiler takes the pair away
        std::free(memory);
    }).join();
    EXPECT_GE(tests::allocations_of_others_count() - before, 1u);
}

// However Redis' replies are cut on their way: the reader's buffer must not grow some day because more came at once.
TEST_F(Allocation, NoneForRepliesInAnyPieces) {
    const std::uint64_t seed = tests::test_seed();
    SCOPED_TRACE(tests::seed_trace(seed));
    std::cout << tests::seed_trace(seed) << "\n";
    std::mt19937_64 random(seed);
    const std::string replies =
        repeated("$15\r\n1764012345678-0\r\n", 4000) + "-ERR " + std::string(10'000, 'e') + "\r\n";
    for (int round = 0; round < 200; ++round) {
        sinks::redis::ReplyStream stream;
        const std::uint64_t before = tests::allocations_count();
        std::string_view left = replies;
        std::size_t taken_count = 0;
        while (!left.empty()) {
            const std::size_t bytes =
                std::min<std::size_t>(left.size(), 1 + random() % (round % 2 == 0 ? 300 : 60'000));
            stream.give(std::span(left.data(), bytes));
            left.remove_prefix(bytes);
            for (auto next = stream.next(); next != sinks::redis::ReplyStream::Next::need_more; next = stream.next()) {
                ASSERT_NE(next, sinks::redis::ReplyStream::Next::broken);
                ++taken_count;
            }
        }
        ASSERT_EQ(taken_count, 4001u);
        ASSERT_EQ(tests::allocations_count() - before, 0u) << "round " << round;
    }
}

TEST_F(Allocation, NoneWithTheNullSink) {
    for (const char* backend : {"epoll", "io_uring"}) {
        SCOPED_TRACE(backend);
        if (!start("null:", "fields", backend)) GTEST_SKIP() << skipped;
        expect_no_allocations();
        engine.reset();
    }
}

TEST_F(Allocation, NoneWithRedis) {
    if (!tests::RedisServer::available()) GTEST_SKIP() << "no redis-server here";
    for (const char* layout : {"fields", "packed"}) {
        SCOPED_TRACE(layout);
        const tests::RedisServer redis;
        if (!start("redis://127.0.0.1:" + std::to_string(redis.port()), layout)) GTEST_SKIP() << skipped;
        expect_no_allocations();
        engine.reset();
    }
}

}  // namespace
}  // namespace sluice
