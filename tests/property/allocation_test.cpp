// No heap allocation for any request after warm-up, on the whole way recv → decode → batch → sink → response: measured
// on an engine in this process, with every sink, over both backends, for every kind of request that carries telemetry.
// runs: release
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

#include "engine/config/load.hpp"
#include "engine/runtime/engine.hpp"
#include "sinks/redis/resp/reply_stream.hpp"
#include "tests/support/allocation_counter.hpp"
#include "tests/support/compressing.hpp"
#include "tests/support/http_text.hpp"
#include "tests/support/protobuf_text.hpp"
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

    // Reads `count` responses with a Content-Length, each with a status of `statuses`; 100 is no response.
    void expect(std::size_t count, std::string_view statuses) {
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
            const bool is_response = answered != "100";
            ASSERT_TRUE(!is_response || statuses.contains(answered)) << received_.substr(0, head_end + 4 + body);
            count -= is_response ? 1 : 0;
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

// A request with an Idempotency-Key. NEW in the key becomes another number each time.
std::string keyed(std::string_view path, std::string_view key, std::string_view body) {
    return tests::post(path, body, "Idempotency-Key: \"" + std::string(key) + "\"\r\n");
}

std::string compressed(std::string_view path, ContentCoding coding, std::string_view text, std::string_view lines) {
    return tests::post(path, tests::compressed(coding, text),
                       "Content-Encoding: " + std::string(name_of(coding)) + "\r\n" + std::string(lines));
}

// A series of Prometheus remote write with one sample.
tests::Message series(int number) {
    using tests::Message;
    Message message;
    for (const auto& [name, value] : {std::pair<std::string, std::string>{"__name__", "up"},
                                      {"instance", "host-" + std::to_string(number)},
                                      {"job", "node"}})
        message.message(1, Message().bytes(1, name).bytes(2, value));
    return message.message(2, Message().real(1, number / 7.0).varint(2, 1'700'000'000'000));
}
std::string remote_write(int count) {
    tests::Message request;
    for (int i = 0; i < count; ++i) request.message(1, series(i));
    return request.text();
}

// An OTLP request; every tenth point has no value.
std::string otlp(int count) {
    using tests::Message;
    Message gauge;
    for (int i = 0; i < count; ++i)
        gauge.message(1, i % 10 == 9 ? Message() : Message().fixed64(3, 1'700'000'000'000'000'000).real(4, i / 7.0));
    const Message metric = Message().bytes(1, "m").message(5, gauge);
    const Message resource = Message().message(1, Message().bytes(1, "host.name").message(2, Message().bytes(1, "h")));
    return Message().message(1, Message().message(1, resource).message(2, Message().message(2, metric))).text();
}
constexpr std::string_view otlp_json =
    R"({"resourceMetrics":[{"resource":{"attributes":[{"key":"host.name","value":{"stringValue":"h"}}]},"scopeMetrics":)"
    R"([{"metrics":[{"name":"m","sum":{"dataPoints":[{"asInt":"1","timeUnixNano":"5"}],"isMonotonic":true}}]}]}]})";

std::string telemetry_batch(int count) {
    using tests::Message;
    Message batch;
    for (int i = 0; i < count; ++i)
        batch.message(1, Message()
                             .bytes(1, "d" + std::to_string(i))
                             .bytes(2, "t")
                             .message(3, Message().real(1, i / 7.0))
                             .bytes(9, R"({"a":1})"));
    return batch.text();
}

// Value lists of collectd; every tenth has a value too many.
std::string collectd(int count) {
    std::string text = "[";
    for (int i = 0; i < count; ++i)
        text += std::string(i == 0 ? "" : ",") + R"({"values":[1.5,null)" + (i % 10 == 9 ? ",2" : "") +
                R"(],"dstypes":["gauge","gauge"],"dsnames":["r\u0078","tx"],"time":1700000000.125,"interval":10.000,)" +
                R"("host":"h","plugin":"interface","plugin_instance":"eth0","type":"if_octets","type_instance":""})";
    return text + "]";
}

std::string influx_lines(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "cpu,host=h" + std::to_string(i) + " usage=0.5,ticks=7i\n";
    return text;
}

// One kind of exchange on a connection.
struct Exchange {
    const char* name;
    std::string bytes;
    std::size_t responses_count;
    const char* statuses = "200";  // those that its responses may have
    std::size_t pieces_count = 1;  // packets, sent a moment apart
    int rounds_count = 500;
    bool is_last = false;  // the connection ends with it
};

std::vector<Exchange> exchanges() {
    constexpr std::string_view ndjson = "Content-Type: application/x-ndjson\r\n";
    constexpr std::string_view protobuf = "Content-Type: application/x-protobuf\r\n";
    constexpr std::string_view protobuf_both_ways =
        "Content-Type: application/x-protobuf\r\nAccept: application/x-protobuf\r\n";
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
        {"a new key, stored", keyed("/telemetry?ack=stored", "NEW", sample(1)), 1},
        {"a new key, queued", keyed("/telemetry?ack=queued", "NEW", sample(1)), 1},
        {"a new key, some records refused", keyed("/telemetry", "NEW", "[" + sample(1) + ",{}]"), 1, "207"},
        {"a new key, all records refused", keyed("/telemetry", "NEW", "[{},{}]"), 1, "400"},
        {"a key twice at a time", repeated(keyed("/telemetry?ack=stored", "NEW", sample(1)), 2), 2, "200 409"},
        {"a key again", keyed("/telemetry?ack=stored", "again", sample(1)), 1},
        {"a key again, with another body", keyed("/telemetry?ack=stored", "again", sample(2)), 1, "422"},
        {"a key again, some records refused", keyed("/telemetry", "some", "[" + sample(1) + ",{}]"), 1, "207"},
        {"gzip", compressed("/telemetry", ContentCoding::gzip, lines(1000), ndjson), 1, "200", 1, 40},
        {"gzip, long", compressed("/telemetry", ContentCoding::gzip, lines(9000), ndjson), 1, "200", 1, 8},
        {"deflate", compressed("/telemetry", ContentCoding::deflate, lines(1000), ndjson), 1, "200", 1, 40},
        {"zstd", compressed("/telemetry", ContentCoding::zstd, lines(1000), ndjson), 1, "200", 1, 40},
        {"zstd, long", compressed("/telemetry", ContentCoding::zstd, lines(9000), ndjson), 1, "200", 1, 8},
        {"Snappy", compressed("/telemetry", ContentCoding::snappy, lines(1000), ndjson), 1, "200", 1, 40},
        {"damaged gzip", tests::post("/telemetry", "nonsense", "Content-Encoding: gzip\r\n"), 1, "400"},
        {"lines of InfluxDB", tests::post("/write", influx_lines(500), ""), 1, "204", 1, 40},
        {"remote write", compressed("/api/v1/write", ContentCoding::snappy, remote_write(500), protobuf), 1, "204", 1,
         40},
        {"remote write that is none", tests::post("/api/v1/write", "nonsense", protobuf), 1, "400"},
        {"OTLP, some points refused", tests::post("/v1/metrics", otlp(500), protobuf), 1, "200", 1, 40},
        {"OTLP as JSON", tests::post("/v1/metrics", otlp_json, "Content-Type: application/json\r\n"), 1},
        {"collectd, some value lists refused", tests::post("/collectd", collectd(500)), 1, "207", 1, 40},
        {"collectd that is none", tests::post("/collectd", "[nonsense"), 1, "400"},
        {"OTLP that is none", tests::post("/v1/metrics", "nonsense", protobuf), 1, "400"},
        {"Protocol Buffers", tests::post("/telemetry", telemetry_batch(500), protobuf), 1, "200", 1, 40},
        {"Protocol Buffers, answered so", tests::post("/telemetry", telemetry_batch(500), protobuf_both_ways), 1, "200",
         1, 40},
        {"Protocol Buffers that are none", tests::post("/telemetry", "nonsense", protobuf_both_ways), 1, "400"},
        {"no such endpoint", tests::get("/nowhere"), 1, "404"},
        {"health", tests::get("/health"), 1},
        {"a connection of its own", tests::post("/telemetry", sample(1), "Connection: close\r\n"), 1, "200", 1, 200,
         true},
        {"malformed", "GET / HTTP/1.1\r\n\r\n", 1, "400", 1, 200, true},
    };
}

// Where the samples of an engine go.
struct SinkCase {
    enum class Server : std::uint8_t { none, redis, cluster };

    const char* name;
    const char* scheme;  // of sink.url
    Server server = Server::none;
    bool has_journal = false;  // in front of the server
    std::vector<std::pair<const char*, const char*>> settings = {};
};

const std::array sink_cases{
    SinkCase{.name = "null", .scheme = "null:"},
    SinkCase{.name = "journal", .scheme = "journal:"},
    SinkCase{.name = "redis_fields", .scheme = "redis://", .server = SinkCase::Server::redis},
    SinkCase{.name = "redis_packed",
             .scheme = "redis://",
             .server = SinkCase::Server::redis,
             .settings = {{"sink.redis.layout", "packed"}}},
    SinkCase{.name = "redis_cluster",
             .scheme = "redis-cluster://",
             .server = SinkCase::Server::cluster,
             .settings = {{"sink.redis.partitions", "4"}}},
    SinkCase{.name = "store_and_forward", .scheme = "redis://", .server = SinkCase::Server::redis, .has_journal = true},
    SinkCase{.name = "exactly_once",
             .scheme = "redis://",
             .server = SinkCase::Server::redis,
             .has_journal = true,
             .settings = {{"sink.redis.exactly_once", "true"}, {"sink.redis.partitions", "4"}}},
};

// The watcher of Redis allocates when it asks, on its own thread; nobody else may.
constexpr std::string_view watcher_thread = "sluice-admit";

// A redis-server, alone or as a cluster of one node.
class Server {
  public:
    explicit Server(SinkCase::Server kind) {
        if (kind == SinkCase::Server::none) return;
        std::vector<std::string> arguments;
        if (kind == SinkCase::Server::cluster)
            arguments = {"--cluster-enabled", "yes", "--cluster-port", std::to_string(tests::free_port())};
        server_ = std::make_unique<tests::RedisServer>(tests::RedisServer::Listen::tcp, arguments);
        if (kind != SinkCase::Server::cluster) return;
        server_->command({"CLUSTER", "ADDSLOTSRANGE", "0", "16383"});
        for (int i = 0; i < 500 && !server_->command({"CLUSTER", "INFO"}).contains("cluster_state:ok"); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }

    [[nodiscard]] std::string address() const {
        return server_ == nullptr ? "" : "127.0.0.1:" + std::to_string(server_->port());
    }
    // Entries of all streams.
    [[nodiscard]] std::uint64_t entries_count() const {
        static const std::string script =
            "local n = 0 for _, key in ipairs(redis.call('keys', 'telemetry*')) do "
            "if redis.call('type', key).ok == 'stream' then n = n + redis.call('xlen', key) end end return n";
        return std::stoull(server_->command({"EVAL", script, "0"}));
    }

  private:
    std::unique_ptr<tests::RedisServer> server_;
};

// A directory for a journal, removed at the end.
class Directory {
  public:
    Directory() {
        char path[] = "/tmp/sluice-journal-XXXXXX";
        CHECK(::mkdtemp(path) != nullptr);
        path_ = path;
    }
    ~Directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

class Allocation : public testing::Test {
  protected:
    void SetUp() override {
        if (!tests::can_count_allocations())
            GTEST_SKIP() << "does not apply: allocations cannot be counted under a sanitizer";
    }
};

class AllocationWithSink : public testing::TestWithParam<std::tuple<SinkCase, const char*>> {
  protected:
    void SetUp() override {
        if (!tests::can_count_allocations())
            GTEST_SKIP() << "does not apply: allocations cannot be counted under a sanitizer";
        if (sink().server != SinkCase::Server::none && !tests::RedisServer::available())
            GTEST_SKIP() << "no redis-server here";
        server = std::make_unique<Server>(sink().server);
        start();
    }

    [[nodiscard]] static const SinkCase& sink() { return std::get<0>(GetParam()); }
    [[nodiscard]] static const char* backend() { return std::get<1>(GetParam()); }

    [[nodiscard]] std::vector<config::Override> settings() const {
        const bool is_journal = std::string_view(sink().scheme) == "journal:";
        std::vector<config::Override> all{
            {"--listen", "listen", "127.0.0.1:0"},
            {"--admin", "admin.listen", "127.0.0.1:0"},
            {"--sink", "sink.url", sink().scheme + (is_journal ? directory.path() : server->address())},
            {"--backend", "io.backend", backend()},
            {"--set", "ack_timeout", "20s"},
            {"--set", "admission.interval", "100ms"},
            {"--set", "journal.segment_size", "256MiB"},  // one for the whole test
            // Fewer than there are new ones: old ones go.
            {"--set", "idempotency.keys_max", "1024"}};
        if (sink().has_journal) all.push_back({"--set", "journal.directory", directory.path()});
        for (const auto& [key, value] : sink().settings) all.push_back({"--set", key, value});
        return all;
    }

    void start() {
        const config::Environment environment{{}, config::Environment::of_process().allowed_cores};
        auto config = config::load_config({{}, settings()}, environment);
        ASSERT_TRUE(config.has_value()) << config.error().sentence;
        config->cores.resize(1);
        engine = std::make_unique<Engine>(std::move(*config));
        const auto started = engine->start();
        if (started) return;
        ASSERT_TRUE(started.error().is_io_uring_unavailable) << started.error().sentence;
        GTEST_SKIP() << started.error().sentence;
    }

    // Carries out `exchange` once on `client`.
    void carry_out(const Exchange& exchange, Client& client) {
        std::string bytes = exchange.bytes;
        const std::string key = std::to_string(1'000'000 + keys_count++);
        for (std::size_t at = bytes.find("NEW"); at != std::string::npos; at = bytes.find("NEW", at))
            bytes.replace(at, 3, key);
        std::string_view left = bytes;
        const std::size_t piece_bytes = left.size() / exchange.pieces_count + 1;
        while (!left.empty()) {
            const std::size_t bytes_count = std::min(piece_bytes, left.size());
            client.send(left.substr(0, bytes_count));
            left.remove_prefix(bytes_count);
            if (!left.empty()) std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
        client.expect(exchange.responses_count, exchange.statuses);
    }

    // A journal syncs for each answer: fewer rounds.
    [[nodiscard]] int rounds_count(const Exchange& exchange) const {
        constexpr int journal_divisor = 8;
        return engine->config().has_journal() ? exchange.rounds_count / journal_divisor + 1 : exchange.rounds_count;
    }

    void carry_out(const Exchange& exchange, int rounds_count) {
        const std::uint16_t port = engine->config().listen.front().port;
        auto client = std::make_unique<Client>(port);
        for (int round = 0; round < rounds_count && !HasFatalFailure(); ++round) {
            carry_out(exchange, *client);
            if (exchange.is_last) client = std::make_unique<Client>(port);
        }
    }

    // Behind a journal samples reach Redis after the answer.
    void wait_until_forwarded() const {
        if (!sink().has_journal) return;
        std::uint64_t before = 0;
        for (std::uint64_t now = 1; now != before; now = server->entries_count()) {
            before = now;
            std::this_thread::sleep_for(std::chrono::milliseconds(300));
        }
    }

    static void wait_for_next_second() {
        const std::time_t now = std::time(nullptr);
        while (std::time(nullptr) == now) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }

    void expect_conservation() {
        engine->begin_drain();
        for (int i = 0; i < 1000 && !engine->continue_drain(); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        const Engine::Report report = engine->stop();
        EXPECT_TRUE(report.is_conserved);
        EXPECT_EQ(report.lost, 0u);
        EXPECT_GT(report.delivered + report.journaled, engine->config().has_journal() ? 10'000u : 100'000u);
    }

    Directory directory;
    std::unique_ptr<Server> server;
    std::unique_ptr<Engine> engine;
    std::uint64_t keys_count = 0;
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

// Everything twice: the first time may allocate, the second may not.
TEST_P(AllocationWithSink, NoneAfterWarmUp) {
    const std::vector<Exchange> all = exchanges();
    for (const Exchange& exchange : all) carry_out(exchange, rounds_count(exchange));
    wait_until_forwarded();
    wait_for_next_second();
    const tests::AllocationWatch watch(watcher_thread);
    std::uint64_t before = 0;
    for (const Exchange& exchange : all) {
        carry_out(exchange, rounds_count(exchange));
        EXPECT_EQ(watch.count() - before, 0u) << exchange.name;
        before = watch.count();
    }
    wait_for_next_second();  // the Date of responses changes with it
    carry_out(all.front(), 10);
    wait_until_forwarded();
    EXPECT_EQ(watch.count(), 0u) << watch.first_ones();
    expect_conservation();
}

INSTANTIATE_TEST_SUITE_P(Sinks, AllocationWithSink,
                         testing::Combine(testing::ValuesIn(sink_cases), testing::Values("io_uring", "epoll")),
                         [](const auto& test) {
                             return std::string(std::get<0>(test.param).name) + "_" + std::get<1>(test.param);
                         });

}  // namespace
}  // namespace sluice
