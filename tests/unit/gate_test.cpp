// Gate: the order in which a request is refused, before and after its body: each row breaks one rule less.
// runs: release asan
#include "engine/ingest/gate.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "parsers/otlp/otlp_decoder.hpp"
#include "tests/support/batcher_bench.hpp"
#include "tests/support/request_head.hpp"

namespace sluice {
namespace {

class GateTest : public testing::Test {
  protected:
    GateTest() { gate.add_route({"/page", http::Methods::get, 3}); }

    [[nodiscard]] std::string check(std::string_view path, std::string_view lines, std::string_view query,
                                    Gate::Body body, std::string_view text = "{}") {
        parsers::RequestHead head = tests::request_head(lines);
        head.method = method;
        const http::Request request{
            .head = head, .path = path, .query = query, .body = text, .received_ns = 1, .is_body_lendable = false};
        const auto passage = gate.check(request, body);
        if (passage) return "passes";
        return std::string(info_of(passage.error().reason).code) +
               (passage.error().format != nullptr ? " in shape" : "");
    }

    parsers::Method method = parsers::Method::post;
    EngineState state;
    sinks::SinkSignal signal;
    tests::BatcherBench bench{{.batches_count = 1}};
    IdempotencyTable keys{{16, 1'000'000'000, 7}};
    Admission admission{state, signal};
    Gate gate{formats(), admission, *bench.batcher, {}, {}, &keys};
};

constexpr std::string_view bad_lines =
    "Content-Encoding: gzip\r\nContent-Type: text/plain\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n";

TEST_F(GateTest, TheFirstRuleThatIsBrokenDecides) {
    struct Row {
        std::string_view path;
        parsers::Method method;
        std::string_view lines;
        std::string_view query;
        bool is_paused;
        std::string_view expected;
    };
    using parsers::Method;
    for (const Gate::Body body : {Gate::Body::on_its_way, Gate::Body::whole})
        for (const Row& row : {
                 Row{"/nowhere", Method::get, bad_lines, "ack=x", true, "not_found"},
                 {"/telemetry", Method::get, bad_lines, "ack=x", true, "method_not_allowed in shape"},
                 {"/page", Method::post, bad_lines, "ack=x", true, "method_not_allowed"},
                 {"/telemetry", Method::post, bad_lines, "ack=x", true, "unsupported_encoding in shape"},
                 {"/telemetry", Method::post, bad_lines.substr(24), "ack=x", true, "unsupported_media_type in shape"},
                 {"/telemetry", Method::post, bad_lines.substr(50), "ack=x", true, "bad_idempotency_key in shape"},
                 {"/telemetry", Method::post, "", "ack=x", true, "bad_ack in shape"},
                 {"/telemetry", Method::post, "", "ack=journaled", true, "ack_unavailable in shape"},
                 {"/telemetry", Method::post, "", "", true, "paused in shape"},
                 {"/telemetry", Method::post, "", "", false, "passes"},
                 {"/page", Method::get, bad_lines, "ack=x", true, "passes"},
             }) {
            method = row.method;
            state.is_paused = row.is_paused;
            EXPECT_EQ(check(row.path, row.lines, row.query, body), row.expected) << row.path << " " << row.lines;
        }
}

TEST_F(GateTest, OptionsAreToldWhatAPathTakes) {
    struct Row {
        std::string_view path;
        std::string_view allow;
    };
    parsers::RequestHead head = tests::request_head(bad_lines);
    head.method = parsers::Method::options;
    state.is_paused = true;
    for (const Row& row : {Row{"/telemetry", "POST, OPTIONS"}, Row{"/page", "GET, HEAD, OPTIONS"},
                           Row{"*", "GET, HEAD, POST, OPTIONS"}}) {
        const http::Request request{.head = head, .path = row.path, .query = "x=1", .body = "", .received_ns = 1};
        for (const Gate::Body body : {Gate::Body::on_its_way, Gate::Body::whole}) {
            const auto passage = gate.check(request, body);
            ASSERT_TRUE(passage.has_value()) << row.path;
            EXPECT_EQ(passage->allow, row.allow) << row.path;
            EXPECT_EQ(passage->format, nullptr) << row.path;
        }
    }
    const auto is_for_ingest = [&](std::string_view path) {
        return gate.is_for_ingest({.head = head, .path = path, .query = "", .body = "", .received_ns = 1});
    };
    EXPECT_TRUE(is_for_ingest("/telemetry") && is_for_ingest("/influx/api/v2/write"));
    EXPECT_FALSE(is_for_ingest("/page") || is_for_ingest("*") || is_for_ingest("/nowhere"));
    method = parsers::Method::options;
    EXPECT_EQ(check("/nowhere", "", "", Gate::Body::whole), "not_found");
}

TEST_F(GateTest, ARefusalSaysWhatWasMeant) {
    parsers::RequestHead head = tests::request_head("");
    head.method = parsers::Method::post;
    const auto refused = [&](std::string_view path, std::string_view query) {
        return gate
            .check({.head = head, .path = path, .query = query, .body = "{}", .received_ns = 1}, Gate::Body::whole)
            .error();
    };
    EXPECT_EQ(refused("/telemetry", "acks=queued").nearest, "ack");
    EXPECT_EQ(refused("/telemetry", "ack=x").nearest, "");
    EXPECT_EQ(refused("/telemetry/", "").where.path, "/telemetry");
    EXPECT_EQ(refused("/nowhere", "").where.path, "");
}

// The head may be cut anywhere behind its path.
TEST_F(GateTest, WhoseShapeAnErrorHasThatTheConnectionMade) {
    constexpr auto otlp_json = static_cast<parsers::Dialect>(parsers::OtlpEncoding::json);
    gate.add_route({"/like", http::Methods::get, 4}, "/write");
    struct Row {
        std::string_view path;
        std::string_view lines;
        std::string_view shape;  // a path that has it; empty: JSON's
        parsers::Dialect dialect = 0;
        bool hides_retry_after = false;
    };
    for (const Row& row :
         {Row{"/nowhere", "", ""}, Row{"/page", "", ""}, Row{"/like", "", "/write"}, Row{"/write", "", "/write"},
          Row{"/v1/metrics", "Content-Type: application/json\r\n", "/v1/metrics", otlp_json},
          Row{"/v1/metrics", "Content-Type: application/jso\r\n", "/v1/metrics"}, Row{"/v1/metrics", "", "/v1/metrics"},
          Row{"/api/v2/write", "User-Agent: influxdb-client-js/1\r\n", "/api/v2/write", 0, true}}) {
        const parsers::RequestHead head = tests::request_head(row.lines);
        const Gate::Refused refused = gate.refused(
            {.head = head, .path = row.path, .query = "", .body = "", .received_ns = 1}, Refusal::draining);
        EXPECT_EQ(refused.reason, Refusal::draining);
        const std::string_view shape = refused.format == nullptr ? std::string_view{} : refused.format->paths.front();
        EXPECT_EQ(shape, row.shape) << row.path;
        EXPECT_EQ(refused.dialect, row.dialect) << row.path << " " << row.lines;
        EXPECT_EQ(refused.hides_retry_after, row.hides_retry_after) << row.path;
    }
}

TEST_F(GateTest, AnEmptyBodyIsRefusedOnceItIsThere) {
    EXPECT_EQ(check("/telemetry", "", "", Gate::Body::whole, ""), "empty_body in shape");
    EXPECT_EQ(check("/telemetry", "", "", Gate::Body::on_its_way, ""), "passes");
    state.is_paused = true;
    EXPECT_EQ(check("/telemetry", "", "", Gate::Body::whole, ""), "paused in shape");
}

TEST_F(GateTest, ABodyThatFindsNoRoomIsNotWaitedFor) {
    EXPECT_TRUE(bench.add(tests::BatcherBench::Devices(tests::samples_per_batch, "d0")));
    EXPECT_EQ(bench.hand_over().size(), 1u);
    EXPECT_EQ(check("/telemetry", "Content-Length: 100\r\n", "", Gate::Body::on_its_way), "overloaded in shape");
    EXPECT_EQ(check("/telemetry", "Content-Length: 100\r\n", "", Gate::Body::whole), "passes")
        << "the reader finds out";
}

// A retry is answered from memory, also while first requests are refused.
TEST_F(GateTest, AKnownKeyNeedsNoAdmission) {
    state.is_paused = true;
    const std::string_view line = "Idempotency-Key: k\r\n";
    EXPECT_EQ(check("/telemetry", line, "", Gate::Body::on_its_way), "paused in shape");
    EXPECT_EQ(check("/telemetry", line, "", Gate::Body::whole), "passes") << "whether it is a retry is known later";
    static_cast<void>(keys.claim("k", {1, 2}, 1));
    EXPECT_EQ(check("/telemetry", line, "", Gate::Body::on_its_way), "passes");
}

}  // namespace
}  // namespace sluice
