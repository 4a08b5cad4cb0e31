// What clients of the JSON format are answered: golden bodies, and that each is JSON whatever was refused.
// runs: release asan
#include "engine/ingest/json_answer.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "engine/http/renderer.hpp"

namespace sluice {
namespace {

class JsonAnswer : public testing::Test {
  protected:
    JsonAnswer() { renderer.set_time(784111777); }
    void TearDown() override { EXPECT_EQ(blocks.in_use_count(), 0u); }

    // The response to what was filled in last: "STATUS headers… body", without date, type and length.
    [[nodiscard]] std::string rendered() {
        http::Output output;
        EXPECT_TRUE(renderer.render(pending, output, blocks));
        std::string text;
        for (const http::OutputBlock* block = output.first; block != nullptr; block = block->next)
            text.append(block->data, block->end);
        output.clear(blocks);
        const std::size_t head_end = text.find("\r\n\r\n");
        body = text.substr(head_end + 4);
        EXPECT_NE(text.find("Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size())),
                  std::string::npos)
            << text;
        std::string headers;
        std::size_t at = text.find("Content-Length: ");
        at = text.find("\r\n", at) + 2;
        if (at < head_end) headers = text.substr(at, head_end - at) + " ";
        return text.substr(9, 3) + " " + headers + body;
    }
    [[nodiscard]] std::string answer() {
        answer_json(result, pending.response, blocks);
        return rendered();
    }
    [[nodiscard]] std::string refuse(const RequestRefusal& refusal) {
        refuse_json(refusal, pending.response, blocks);
        return rendered();
    }

    http::BlockPool blocks{64};
    http::ResponseRenderer renderer{prepared_json_answers()};
    http::Pending pending{};
    IngestResult result{};
    std::string body;
};

TEST_F(JsonAnswer, OneSample) {
    for (const AckLevel level :
         {AckLevel::queued, AckLevel::journaled, AckLevel::stored, AckLevel::replicated, AckLevel::none}) {
        result.start(level, true);
        result.accepted = 1;
        const std::string name(name_of(level));
        EXPECT_EQ(answer(),
                  "200 Sluice-Ack: " + name + R"( {"ok":true,"message":"Telemetry received","ack":")" + name + "\"}");
        EXPECT_TRUE(pending.response.is_prepared());
        result.is_replayed = true;
        EXPECT_EQ(answer(), "200 Idempotent-Replayed: true\r\nSluice-Ack: " + name +
                                R"( {"ok":true,"message":"Telemetry received","ack":")" + name + "\"}");
    }
}

TEST_F(JsonAnswer, ManySamples) {
    result.start(AckLevel::queued, false);
    result.accepted = 4'000'000'000;
    EXPECT_EQ(answer(), R"(200 Sluice-Ack: queued {"ok":true,"message":"Telemetry received","ack":"queued",)"
                        R"("accepted":4000000000,"rejected":0})");
}

TEST_F(JsonAnswer, SomeRecordsRefused) {
    result.start(AckLevel::stored, false);
    result.accepted = 2;
    result.add_error(1, Refusal::missing_device_id);
    EXPECT_EQ(
        answer(),
        R"(207 Sluice-Ack: stored {"ok":false,"message":"Some records were refused.","ack":"stored","accepted":2,"rejected":1,)"
        R"("errors":[{"index":1,"code":"missing_device_id","error":"A sample needs device_id."}]})");
    EXPECT_FALSE(pending.response.is_refusal());
}

TEST_F(JsonAnswer, WhereTheTextOfARecordBreaks) {
    result.start(AckLevel::stored, false);
    result.accepted = 2;
    result.add_error(1, Refusal::malformed_record, 4'000'000'000);
    result.add_error(2, Refusal::missing_device_id, 17);
    EXPECT_EQ(
        answer(),
        R"(207 Sluice-Ack: stored {"ok":false,"message":"Some records were refused.","ack":"stored","accepted":2,"rejected":2,)"
        R"("errors":[{"index":1,"code":"malformed_record","error":"The line is not valid JSON.",)"
        R"("offset":4000000000},{"index":2,"code":"missing_device_id","error":"A sample needs device_id."}]})");
}

TEST_F(JsonAnswer, EveryRecordRefused) {
    result.start(AckLevel::stored, false);
    result.add_error(0, Refusal::bad_value);
    EXPECT_EQ(
        answer(),
        R"(400 {"ok":false,"error":"Every record was refused.","code":"all_records_refused","accepted":0,"rejected":1,)"
        R"("errors":[{"index":0,"code":"bad_value","error":"value must be a finite number, a boolean or a string."}]})");
    ASSERT_TRUE(pending.response.is_refusal());
    EXPECT_EQ(pending.response.refusal(), Refusal::all_records_refused);
}

TEST_F(JsonAnswer, WhereABodyWasRefused) {
    EXPECT_EQ(
        refuse({.reason = Refusal::invalid_json, .has_offset = true, .offset = 18446744073709551615u}),
        R"(400 {"ok":false,"error":"The body is not valid JSON.","code":"invalid_json","offset":18446744073709551615})");
}

TEST_F(JsonAnswer, HowMuchOfABodyWasStored) {
    const std::string sentence(info_of(Refusal::sink_refused).sentence);
    EXPECT_EQ(
        refuse({.reason = Refusal::sink_refused,
                .has_stored = true,
                .samples_stored = 3,
                .samples_failed = 1,
                .retry_after_s = 7}),
        R"(503 Retry-After: 7 {"ok":false,"error":")" + sentence + R"(","code":"sink_refused","stored":3,"failed":1})");
}

TEST_F(JsonAnswer, WhichRecordsOfABodyFailed) {
    const std::string sentence(info_of(Refusal::sink_busy).sentence);
    const std::string begin =
        R"(503 {"ok":false,"error":")" + sentence + R"(","code":"sink_busy","stored":3,"failed":5)";
    const RecordRange failed[]{{0, 0}, {7, 4'000'000'000}};
    result.start(AckLevel::stored, false);
    const RequestRefusal refusal{.reason = Refusal::sink_busy,
                                 .has_stored = true,
                                 .samples_stored = 3,
                                 .samples_failed = 5,
                                 .failed_records = failed,
                                 .result = &result};
    EXPECT_EQ(refuse(refusal), begin + R"(,"failed_records":[[0,0],[7,4000000000]]})");
    result.add_error(5, Refusal::missing_value);
    EXPECT_EQ(refuse(refusal), begin +
                                   R"(,"failed_records":[[0,0],[7,4000000000]],"rejected":1,"errors":[{"index":5,)" +
                                   R"("code":"missing_value","error":"A sample needs type and value, or values."}]})");
    result.start(AckLevel::stored, true);
    EXPECT_EQ(refuse(refusal), begin + "}") << "one sample: there is nothing to tell apart";
}

TEST_F(JsonAnswer, WhichMethodsAreAllowed) {
    EXPECT_EQ(
        refuse({.reason = Refusal::method_not_allowed, .allow = "GET, HEAD"}),
        R"(405 Allow: GET, HEAD {"ok":false,"error":"This endpoint does not take this method.","code":"method_not_allowed"})");
}

TEST_F(JsonAnswer, WhatWouldHaveBeenTaken) {
    EXPECT_TRUE(refuse({.reason = Refusal::unsupported_media_type, .accept = "a/b, c/d"})
                    .starts_with("415 Accept: a/b, c/d {"));
    EXPECT_TRUE(refuse({.reason = Refusal::unsupported_encoding, .accept_encoding = "identity"})
                    .starts_with("415 Accept-Encoding: identity {"));
}

TEST_F(JsonAnswer, WhatMayHaveBeenMeant) {
    EXPECT_TRUE(refuse({.reason = Refusal::unknown_parameter, .nearest_parameter = "ack"})
                    .ends_with(R"("code":"unknown_parameter","nearest":"ack"})"));
    EXPECT_TRUE(refuse({.reason = Refusal::not_found, .where_path = "/telemetry"})
                    .ends_with(R"("code":"not_found","where":"/telemetry"})"));
    EXPECT_TRUE(refuse({.reason = Refusal::not_found, .where_path = "/status", .where_key = "admin.listen"})
                    .ends_with(R"("where":"/status at the address of admin.listen"})"));
}

// Nothing of an answer is left for the next one.
TEST_F(JsonAnswer, ARetryAfterIsThatOfItsOwnAnswer) {
    const auto retry_after_of = [&](Refusal reason, std::uint64_t retry_after_s) {
        const std::string text = refuse({.reason = reason, .retry_after_s = retry_after_s});
        return text.substr(4, text.find('{') - 4);
    };
    EXPECT_EQ(retry_after_of(Refusal::overloaded, 60), "Retry-After: 60 ");
    EXPECT_EQ(retry_after_of(Refusal::idempotency_in_progress, 1), "Retry-After: 1 ");
    EXPECT_EQ(retry_after_of(Refusal::not_found, 0), "");
}

TEST_F(JsonAnswer, EveryRefusalIsJson) {
    for (std::size_t i = 0; i < refusals_count; ++i) {
        const auto reason = static_cast<Refusal>(i);
        const RefusalInfo& info = info_of(reason);
        EXPECT_TRUE(refuse({.reason = reason}).starts_with(std::to_string(info.status) + " {")) << info.code;
        EXPECT_EQ(nlohmann::json::parse(body),
                  (nlohmann::json{{"ok", false}, {"error", info.sentence}, {"code", info.code}}));
        ASSERT_TRUE(pending.response.is_refusal());
        EXPECT_EQ(pending.response.refusal(), reason);
        EXPECT_EQ(tells_retry_after(reason), info.status == 503 || info.status == 409 || info.status == 429)
            << info.code;
        // As a record's error too.
        result.start(AckLevel::stored, false);
        result.accepted = 1;
        result.add_error(0, reason);
        static_cast<void>(answer());
        EXPECT_EQ(nlohmann::json::parse(body)["errors"][0]["code"], info.code);
    }
}

TEST_F(JsonAnswer, ListsOneHundredErrorsAndCountsTheRest) {
    result.start(AckLevel::queued, false);
    result.accepted = 5;
    for (std::uint32_t i = 0; i < 1000; ++i) result.add_error(4'000'000'000 + i, Refusal::number_out_of_range);
    static_cast<void>(answer());
    const nlohmann::json parsed = nlohmann::json::parse(body);
    EXPECT_EQ(parsed["accepted"], 5);
    EXPECT_EQ(parsed["rejected"], 1000);
    ASSERT_EQ(parsed["errors"].size(), limits::record_errors_count_max);
    EXPECT_EQ(parsed["errors"].back()["index"], 4'000'000'099);
}

}  // namespace
}  // namespace sluice
