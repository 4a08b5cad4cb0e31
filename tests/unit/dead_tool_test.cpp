// Dead letters that are sent again: what is sent, and what an answer proves.
// runs: release asan
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "engine/dead_tool/answer.hpp"
#include "engine/dead_tool/letter_request.hpp"

namespace sluice::dead_tool {
namespace {

constexpr const char* received = "1700000000123456789";

Entry letter(std::string format, std::string raw, std::string path = {}) {
    Entry entry{.id = "1-0",
                .fields = {{"format", std::move(format)}, {"raw", std::move(raw)}, {"received", received}}};
    if (!path.empty()) entry.fields["path"] = std::move(path);
    return entry;
}

TEST(DeadToolTest, ARecordGoesWhereItCameFromAndKeepsItsTime) {
    struct Row {
        Entry letter;
        std::string path, body;
    };
    const std::string lists = R"("plugin":"p","type":"t","values":[1],"dsnames":["value"])";
    for (const Row& row : {
             Row{letter("influx", "m f=1 400000", "/write?precision=h&db=a%20b"), "/write?precision=h&db=a%20b",
                 "m f=1 400000"},
             // The hour in which it came.
             {letter("influx", "m f=1", "/write?precision=h&db=a"), "/write?precision=ns&db=a",
              "m f=1 1699999200000000000"},
             {letter("influx", "m f=\"x\ny\" ", "/api/v2/write?bucket=b"), "/api/v2/write?precision=ns&bucket=b",
              "m f=\"x\ny\"  1700000000123456789"},
             {letter("json", "{\"device_id\":\"d\",\n\"type\":\"t\",\"value\":1,\"timestamp\":5}", "/telemetry"),
              "/telemetry", "{\"device_id\":\"d\", \"type\":\"t\",\"value\":1,\"timestamp\":5}"},
             {letter("json", R"({"device_id":"d","type":"t","value":1})", "/telemetry?precision=ms"),
              "/telemetry?precision=ns", R"({"device_id":"d","type":"t","value":1,"timestamp":1700000000123456789})"},
             {letter("collectd", R"({"host":"h","time":1.5,)" + lists + "}", "/collectd"), "/collectd",
              R"([{"host":"h","time":1.5,)" + lists + "}]"},
             {letter("collectd", R"({"host":"h",)" + lists + "}", "/collectd"), "/collectd",
              R"([{"host":"h",)" + lists + R"(,"time":1700000000.123456789}])"},
             // Of an engine that kept no path.
             {letter("influx", "m f=1 5"), "/write", "m f=1 5"},
         }) {
        const auto request = request_of(row.letter, {});
        ASSERT_TRUE(request.has_value()) << row.body << request.error();
        EXPECT_EQ(request->path, row.path);
        EXPECT_EQ(request->body, row.body);
    }
    Entry old = letter("influx", "m f=1 5");
    old.fields["precision"] = "h";
    EXPECT_EQ(request_of(old, {})->path, "/write?precision=h");
}

TEST(DeadToolTest, WhatCannotBeTheSameIsNotSent) {
    std::string many = R"({"device_id":"d","type":"t","value":1)";
    for (int i = 0; i < 61; ++i) many += ",\"m" + std::to_string(i) + "\":1";
    Entry cut = letter("influx", "m f=1");
    cut.fields["cut"] = "5000";
    Entry unknown_time = letter("influx", "m f=1");
    unknown_time.fields["received"] = "x";
    for (const Entry& entry :
         {cut, unknown_time, letter("influx", ""), letter("influx", "# no point", "/write"),
          letter("influx", "m f=\"x", "/write"), letter("influx", "m f=1\nm f=2", "/write"),
          letter("influx", "m f=1", "/api/v2/write?precision=h"), letter("influx", "m f=1", "/stop"),
          letter("influx", "m f=1", "/write?db=a\r\nX: y"), letter("json", "m f=1", "/write"),
          letter("json", R"({"device_id":broken})", "/telemetry"), letter("otlp", "x", "/v1/metrics"),
          letter("json", many + "}", "/telemetry")})
        EXPECT_FALSE(request_of(entry, {}).has_value()) << entry.field("raw") << " " << entry.field("path");
}

TEST(DeadToolTest, AnAnswerProvesWhatItSays) {
    struct Row {
        HttpAnswer answer;
        Proof proof;
    };
    const std::string one_refused =
        R"({"ok":false,"error":"Every record was refused.","code":"all_records_refused","accepted":0,"rejected":1,)"
        R"("errors":[{"index":0,"code":"type_not_allowed","error":"…"}]})";
    for (const Row& row : {
             Row{{204, "stored", ""}, Proof::taken},
             {{204, "replicated", ""}, Proof::taken},
             {{200, "stored", R"({"ok":true,"accepted":1,"rejected":0})"}, Proof::taken},
             {{200, "stored", R"({"ok":true,"accepted":0,"rejected":0})"}, Proof::none},
             {{200, "queued", R"({"ok":true,"accepted":1,"rejected":0})"}, Proof::none},
             {{200, "stored", "<html>"}, Proof::none},
             {{200, "", R"({"accepted":1,"rejected":0})"}, Proof::none},
             {{204, "", ""}, Proof::none},
             {{202, "stored", ""}, Proof::none},
             {{207, "stored", R"({"accepted":1,"rejected":1})"}, Proof::none},
             {{400, "", one_refused}, Proof::refused_record},
             {{400, "", R"({"error":"unable to parse 'm f=': … line 1"})"}, Proof::refused_record},
             {{400, "", R"({"code":"invalid","message":"unable to parse 'm f=': … line 1","line":1})"},
              Proof::refused_record},
             {{400, "stored", R"({"error":"partial write: unable to parse 'm f=': … dropped=1"})"},
              Proof::refused_request},
             {{400, "", R"({"code":"invalid","message":"precision must be one of n, ns"})"}, Proof::refused_request},
             {{400, "", R"({"code":"ack_unavailable","error":"…"})"}, Proof::refused_request},
             {{400, "", one_refused.substr(0, 100)}, Proof::refused_request},
             {{400, "", "[]"}, Proof::refused_request},
             {{413, "", one_refused}, Proof::refused_request},
             {{401, "", "{}"}, Proof::none},
             {{403, "", "{}"}, Proof::none},
             {{415, "", "{}"}, Proof::none},
             {{429, "", "{}"}, Proof::none},
             {{503, "stored", R"({"code":"ack_timeout","error":"…"})"}, Proof::none},
         })
        EXPECT_EQ(judge(row.answer, AckLevel::stored).proof, row.proof) << row.answer.status << row.answer.body;
    EXPECT_EQ(judge({400, "", R"({"code":"bad_ack","error":"No."})"}, AckLevel::stored).what,
              "the engine answers 400 bad_ack: No.");
}

TEST(DeadToolTest, AnAnswerMustBeWhole) {
    const auto answer = parse_answer("HTTP/1.1 400 Bad Request\r\nSLUICE-ACK: stored\r\ncontent-length: 2\r\n\r\n{}");
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->status, 400);
    EXPECT_EQ(answer->ack, "stored");
    EXPECT_EQ(answer->body, "{}");
    EXPECT_TRUE(parse_answer("HTTP/1.1 204 No Content\r\n\r\n").has_value());
    for (const std::string_view text :
         {"", "HTTP/1.1 204", "HTTP/1.1 204 No Content\r\n", "HTTP/1.0 204 No Content\r\n\r\n", "HTTP/1.1 xxx\r\n\r\n",
          "HTTP/1.1 400 B\r\nContent-Length: 3\r\n\r\n{}", "HTTP/1.1 400 B\r\nContent-Length: x\r\n\r\n{}",
          "HTTP/1.1 400 B\r\n\r\n{}"})
        EXPECT_FALSE(parse_answer(text).has_value()) << text;
}

}  // namespace
}  // namespace sluice::dead_tool
