// ResponseRenderer: golden responses byte by byte, and that every reply is well-formed JSON of the length it claims.
// runs: release asan
#include "engine/http/response.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace sluice {
namespace {

using http::ContentType;
using http::Pending;
using http::Reply;

constexpr std::time_t rfc_example = 784111777;  // RFC 9110 section 5.6.7
constexpr std::string_view date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

class Response : public testing::Test {
  protected:
    Response() { renderer.set_time(rfc_example); }
    void TearDown() override { EXPECT_EQ(blocks.in_use_count(), 0u); }

    [[nodiscard]] std::string render() {
        http::Output output;
        EXPECT_TRUE(renderer.render(pending, output, blocks));
        std::string text;
        for (const http::OutputBlock* block = output.first; block != nullptr; block = block->next)
            text.append(block->data, block->end);
        EXPECT_EQ(text.size(), output.bytes);
        output.clear(blocks);
        return text;
    }

    // The body, parsed; checks that Content-Length says how long it is.
    [[nodiscard]] nlohmann::json render_json() {
        const std::string text = render();
        const std::size_t head_end = text.find("\r\n\r\n") + 4;
        const std::size_t at = text.find("Content-Length: ") + 16;
        EXPECT_EQ(std::stoul(text.substr(at)), text.size() - head_end);
        return nlohmann::json::parse(text.substr(head_end));
    }

    http::BlockPool blocks{64};
    http::ResponseRenderer renderer{7};
    Pending pending{};
};

std::string head(std::string_view status, std::size_t bytes, std::string_view more = "") {
    return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(date) +
           "Content-Type: application/json\r\nContent-Length: " + std::to_string(bytes) + "\r\n" + std::string(more) +
           "\r\n";
}

// --- golden ----------------------------------------------------------------------------------------------------------

TEST_F(Response, OneSample) {
    pending.reply.set_telemetry(AckLevel::stored, true);
    pending.reply.accepted = 1;
    const std::string body = R"({"ok":true,"message":"Telemetry received","ack":"stored"})";
    EXPECT_EQ(render(), head("200 OK", body.size()) + body);
    pending.closes = true;
    EXPECT_EQ(render(), head("200 OK", body.size(), "Connection: close\r\n") + body);
    pending.closes = false;
    pending.is_http_1_0 = true;
    EXPECT_EQ(render(), head("200 OK", body.size(), "Connection: keep-alive\r\n") + body);
}

TEST_F(Response, ManySamples) {
    pending.reply.set_telemetry(AckLevel::queued, false);
    pending.reply.accepted = 4'000'000'000;
    const std::string body =
        R"({"ok":true,"message":"Telemetry received","ack":"queued","accepted":4000000000,"rejected":0})";
    EXPECT_EQ(render(), head("200 OK", body.size()) + body);
}

TEST_F(Response, SomeRecordsRefused) {
    pending.reply.set_telemetry(AckLevel::stored, false);
    pending.reply.accepted = 2;
    pending.reply.add_error(1, Refusal::missing_device_id);
    const std::string body =
        R"({"ok":false,"message":"Some records were refused.","ack":"stored","accepted":2,"rejected":1,)"
        R"("errors":[{"index":1,"code":"missing_device_id","error":"A sample needs device_id."}]})";
    EXPECT_EQ(render(), head("207 Multi-Status", body.size()) + body);
}

TEST_F(Response, EveryRecordRefused) {
    pending.reply.set_telemetry(AckLevel::stored, false);
    pending.reply.add_error(0, Refusal::bad_value);
    const std::string body =
        R"({"ok":false,"error":"Every record was refused.","code":"all_records_refused","accepted":0,"rejected":1,)"
        R"("errors":[{"index":0,"code":"bad_value","error":"value must be a finite number, a boolean or a string."}]})";
    EXPECT_EQ(render(), head("400 Bad Request", body.size()) + body);
}

TEST_F(Response, WhereABodyWasRefused) {
    pending.reply.set_refusal_at(Refusal::invalid_json, 18446744073709551615u);
    const std::string body =
        R"({"ok":false,"error":"The body is not valid JSON.","code":"invalid_json","offset":18446744073709551615})";
    EXPECT_EQ(render(), head("400 Bad Request", body.size()) + body);
}

TEST_F(Response, HowMuchOfABodyWasStored) {
    pending.reply.set_refusal(Refusal::sink_refused);
    pending.reply.has_samples_stored = true;
    pending.reply.samples_stored = 3;
    pending.reply.samples_failed = 1;
    const std::string body =
        R"({"ok":false,"error":"The sink refused; an operator has to mend it.","code":"sink_refused","stored":3,"failed":1})";
    EXPECT_EQ(render(), head("503 Service Unavailable", body.size(), "Retry-After: 7\r\n") + body);
}

TEST_F(Response, WhichMethodsAreAllowed) {
    pending.reply.set_refusal(Refusal::method_not_allowed);
    pending.reply.allow = "GET, HEAD";
    const std::string body =
        R"({"ok":false,"error":"This endpoint does not take this method.","code":"method_not_allowed"})";
    EXPECT_EQ(render(), head("405 Method Not Allowed", body.size(), "Allow: GET, HEAD\r\n") + body);
}

TEST_F(Response, Text) {
    pending.reply.set_text(200, ContentType::prometheus);
    ASSERT_TRUE(pending.reply.body.append(blocks, "up 1\n"));
    EXPECT_EQ(render(),
              "HTTP/1.1 200 OK\r\n" + std::string(date) +
                  "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: 5\r\n\r\nup 1\n");
}

TEST_F(Response, TextOfManyBlocks) {
    const std::string text(3 * http::OutputBlock::capacity_bytes, 't');
    pending.reply.set_text(200, ContentType::json);
    ASSERT_TRUE(pending.reply.body.append(blocks, text));
    EXPECT_EQ(render(), head("200 OK", text.size()) + text);
}

TEST_F(Response, HeadHasTheLengthAndNotTheBody) {
    pending.is_head_request = true;
    pending.reply.set_text(503, ContentType::json);
    ASSERT_TRUE(pending.reply.body.append(blocks, "{}"));
    EXPECT_EQ(render(), head("503 Service Unavailable", 2, "Retry-After: 7\r\n"));
    pending.reply.set_refusal(Refusal::not_found);
    const std::string text = render();
    EXPECT_TRUE(text.ends_with("\r\n\r\n"));
    EXPECT_EQ(text.find("Content-Length: 0"), std::string::npos);
}

// --- every reply -----------------------------------------------------------------------------------------------------

TEST_F(Response, EveryRefusalIsJson) {
    for (std::size_t i = 0; i < refusals_count; ++i) {
        const auto refusal = static_cast<Refusal>(i);
        const RefusalInfo& info = info_of(refusal);
        pending.reply.set_refusal(refusal);
        EXPECT_EQ(http::ResponseRenderer::status_of(pending.reply), info.status);
        const nlohmann::json body = render_json();
        EXPECT_EQ(body, (nlohmann::json{{"ok", false}, {"error", info.sentence}, {"code", info.code}}));
        const std::string text = render();
        EXPECT_EQ(text.find("Unknown"), std::string::npos) << info.code << ": a status without a reason phrase";
        EXPECT_EQ(text.find("Retry-After: 7\r\n") != std::string::npos, info.status == 503 || info.status == 409)
            << info.code;
        // As a record's error too.
        pending.reply.set_telemetry(AckLevel::stored, false);
        pending.reply.accepted = 1;
        pending.reply.add_error(0, refusal);
        EXPECT_EQ(render_json()["errors"][0]["code"], info.code);
    }
}

TEST_F(Response, ListsOneHundredErrorsAndCountsTheRest) {
    pending.reply.set_telemetry(AckLevel::queued, false);
    pending.reply.accepted = 5;
    for (std::uint32_t i = 0; i < 1000; ++i) pending.reply.add_error(4'000'000'000 + i, Refusal::number_out_of_range);
    const nlohmann::json body = render_json();
    EXPECT_EQ(body["accepted"], 5);
    EXPECT_EQ(body["rejected"], 1000);
    ASSERT_EQ(body["errors"].size(), limits::record_errors_count_max);
    EXPECT_EQ(body["errors"].back()["index"], 4'000'000'099);
}

TEST_F(Response, TheDateChangesWithTheSecond) {
    pending.reply.set_telemetry(AckLevel::queued, true);
    const std::string before = render();
    renderer.set_time(rfc_example);
    EXPECT_EQ(render(), before);
    renderer.set_time(rfc_example + 1);
    const std::string after = render();
    EXPECT_NE(after.find("Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n"), std::string::npos);
    pending.reply.set_refusal(Refusal::overloaded);
    EXPECT_NE(render().find("08:49:38 GMT"), std::string::npos);
}

// --- blocks run out --------------------------------------------------------------------------------------------------

// Every number of free blocks that is too small: false, and nothing is kept beside what stands in the output.
TEST(ResponseWithoutBlocks, IsReportedAndLeaksNothing) {
    struct Row {
        const char* name;
        void (*decide)(Reply&, http::BlockPool&);
    };
    const Row rows[]{
        {"single", [](Reply& reply, http::BlockPool&) { reply.set_telemetry(AckLevel::stored, true); }},
        {"refusal", [](Reply& reply, http::BlockPool&) { reply.set_refusal(Refusal::not_found); }},
        {"errors",
         [](Reply& reply, http::BlockPool&) {
             reply.set_telemetry(AckLevel::stored, false);
             for (std::uint32_t i = 0; i < 100; ++i) reply.add_error(i, Refusal::bad_timestamp);
         }},
        {"text",
         [](Reply& reply, http::BlockPool& blocks) {
             reply.set_text(200, ContentType::json);
             static_cast<void>(reply.body.append(blocks, std::string(20'000, 't')));
         }},
    };
    for (const Row& row : rows) {
        bool has_failed = false;
        bool has_succeeded = false;
        for (std::size_t blocks_count = 0; blocks_count < 6; ++blocks_count) {
            http::BlockPool blocks(blocks_count);
            http::ResponseRenderer renderer(1);
            renderer.set_time(rfc_example);
            Pending pending{};
            row.decide(pending.reply, blocks);
            http::Output output;
            (renderer.render(pending, output, blocks) ? has_succeeded : has_failed) = true;
            output.clear(blocks);
            EXPECT_EQ(blocks.in_use_count(), 0u) << row.name << " with " << blocks_count;
        }
        EXPECT_TRUE(has_failed && has_succeeded) << row.name;
    }
}

}  // namespace
}  // namespace sluice
