// OpenTelemetry metrics: what JSON and Protocol Buffers of one request become, fields in any order, and bodies that are
// no such message. tests/system/test_otlp.py has the kinds of points and the refusals.
// runs: release asan
#include "parsers/otlp/otlp_decoder.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <string_view>

#include "tests/support/decoding.hpp"
#include "tests/support/protobuf_text.hpp"

namespace sluice {
namespace {

using parsers::OtlpDecoder;
using parsers::OtlpEncoding;
using tests::Decoded;
using tests::GuardedBody;
using tests::Message;

constexpr std::int64_t arrival_ns = 1'700'000'123'456'789'012;

Decoded decode(std::string_view body, OtlpEncoding encoding) {
    const GuardedBody guarded(body, '\x0a');
    static OtlpDecoder decoder;
    return tests::decode_with(decoder, guarded.view(), static_cast<parsers::Dialect>(encoding),
                              {parsers::Precision::ns, arrival_ns});
}

std::string records_of(const Decoded& decoded) {
    std::string text;
    for (const auto& one : decoded.samples) {
        const Decoded again = tests::decode(one.raw, parsers::BodyFormat::json, {parsers::Precision::ns, 5});
        EXPECT_EQ(again.samples.size(), 1u) << one.raw;
        if (again.samples.size() == 1) {
            EXPECT_TRUE(tests::is_same_sample(again.samples[0], one)) << one.raw << "\n" << again.samples[0].raw;
        }
        text += one.raw + "\n";
    }
    return text;
}

Message attribute(std::string_view key, std::string_view value) {
    return Message().bytes(1, key).message(2, Message().bytes(1, value));
}

// Temporality in front of the points, the name behind them, the resource behind the scopes.
TEST(OtlpDecoder, FieldsInAnyOrderAndUnknownOnes) {
    const Message point = Message().real(4, 2.5).message(7, attribute("k", "v")).fixed64(3, 7).bytes(99, "?");
    const Message sum = Message().varint(3, 1).varint(2, 1).message(1, point).varint(77, 1);
    const Message metric = Message().message(7, sum).bytes(3, "By").bytes(2, "what it is").bytes(1, "m");
    const Message scope_metrics = Message().message(2, metric).message(1, Message().bytes(2, "2"));
    const Message resource_metrics = Message()
                                         .message(2, scope_metrics)
                                         .bytes(3, "https://schema")
                                         .message(1, Message().varint(2, 3).message(1, attribute("host.name", "h")));
    EXPECT_EQ(records_of(decode(Message().message(1, resource_metrics).text(), OtlpEncoding::protobuf)),
              R"({"device_id":"h","type":"m","value":2.5,"unit":"By","timestamp":7,"metadata":{"k":"v"},)"
              R"("otlp":{"kind":"sum","temporality":"delta","monotonic":true,)"
              R"("resource":{"host.name":"h"},"scope":{"version":"2"}}})"
              "\n");
}

Message request_of(const Message& metric) {
    return Message().message(1, Message().message(2, Message().message(2, metric)));
}

// As libprotobuf reads it: a field of another type is an unknown one, and a summary without a sum has the sum 0.
TEST(OtlpDecoder, WhatDoesNotCount) {
    const Message value = Message().bytes(1, "v");
    for (const Message& unknown : {Message().varint(1, 1), Message().bytes(2, "x"), Message().fixed64(3, 1),
                                   Message().varint(4, 1), Message().varint(5, 1), Message().varint(7, 1)}) {
        const Message pair = Message().bytes(1, "k").message(2, Message(value).append(unknown));
        const Message point = Message().fixed64(4, 5).fixed64(3, 7).message(7, pair);
        const Message metric = Message().bytes(1, "m").message(11, Message().message(1, point));
        EXPECT_EQ(records_of(decode(request_of(metric).text(), OtlpEncoding::protobuf)),
                  R"({"device_id":"unknown","type":"m","values":{"count":5,"sum":0.0},"timestamp":7,)"
                  R"("metadata":{"k":"v"},"otlp":{"kind":"summary"}})"
                  "\n");
    }
    const Message no_counts = Message().fixed64(3, 7).message(8, Message().zigzag(1, 0)).message(9, Message());
    const Message metric = Message().bytes(1, "m").message(10, Message().message(1, no_counts));
    EXPECT_EQ(records_of(decode(request_of(metric).text(), OtlpEncoding::protobuf)),
              R"({"device_id":"unknown","type":"m","values":{"count":0},"timestamp":7,)"
              R"("histogram":{"scale":0,"zero_count":0,"zero_threshold":0.0},)"
              R"("otlp":{"kind":"exponential_histogram"}})"
              "\n");
}

TEST(OtlpDecoder, JsonInAnyOrderWithNullsAndNumbersAsEither) {
    EXPECT_EQ(records_of(decode(R"({"x":[{}],"resourceMetrics":[{"scopeMetrics":[{"metrics":[
                {"sum":{"isMonotonic":true,"dataPoints":[{"asInt":5,"timeUnixNano":7,"asDouble":null,"start_time":1,
                    "attributes":[{"value":{"intValue":"3"},"key":"k"},{"key":"n","value":null}]}],
                  "aggregationTemporality":1},"name":"m","unit":null}],"scope":null}],
                "resource":{"attributes":[{"key":"a","value":{"doubleValue":"NaN"}}]},"schemaUrl":"s"}]})",
                                OtlpEncoding::json)),
              R"({"device_id":"unknown","type":"m","value":5,"timestamp":7,"metadata":{"k":3,"n":null},)"
              R"("otlp":{"kind":"sum","temporality":"delta","monotonic":true,"resource":{"a":"NaN"}}})"
              "\n");
}

TEST(OtlpDecoder, EveryCutOfAMessageRefusesItOrIsAShorterOne) {
    const Message point = Message().real(4, 2.5).message(7, attribute("k", "v"));
    const Message metric = Message().bytes(1, "m").message(5, Message().message(1, point));
    const std::string body = Message().message(1, Message().message(2, Message().message(2, metric))).text();
    for (std::size_t bytes = 1; bytes < body.size(); ++bytes) {
        const Decoded decoded = decode(std::string_view(body).substr(0, bytes), OtlpEncoding::protobuf);
        EXPECT_TRUE(decoded.body_refused) << bytes;
        EXPECT_EQ(decoded.body_refusal, Refusal::invalid_protobuf);
    }
    // Within the message, where the lengths of those around it fit.
    for (std::size_t bytes = 0; bytes < metric.text().size(); ++bytes) {
        const Message cut =
            Message().bytes(1, Message().bytes(2, Message().bytes(2, metric.text().substr(0, bytes)).text()).text());
        static_cast<void>(decode(cut.text(), OtlpEncoding::protobuf));
    }
}

// A number that no temporality has is none, as in Protocol Buffers.
TEST(OtlpDecoder, JsonOfATemporalityThatIsNone) {
    for (const std::string_view temporality : {"-1", "0", "3", "-2147483648"}) {
        const std::string json = R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","sum":{)"
                                 R"("aggregationTemporality":)" +
                                 std::string(temporality) +
                                 R"(,"dataPoints":[{"asInt":"1","timeUnixNano":"7"}]}}]}]}]})";
        EXPECT_EQ(records_of(decode(json, OtlpEncoding::json)),
                  R"({"device_id":"unknown","type":"m","value":1,"timestamp":7,)"
                  R"("otlp":{"kind":"sum","monotonic":false}})"
                  "\n");
    }
}

// The same samples, whichever way the request was written.
TEST(OtlpDecoder, JsonIsReadAsTheSameMessage) {
    struct Row {
        std::string_view json;
        Message value;
    };
    using namespace std::string_view_literals;
    for (const Row& row : {
             Row{R"({"stringValue":"é\n\"\u0000"})", Message().bytes(1, "é\n\"\0"sv)},
             Row{R"({"boolValue":false})", Message().varint(2, 0)},
             Row{R"({"intValue":"-9223372036854775808"})", Message().varint(3, 0x8000'0000'0000'0000)},
             Row{R"({"intValue":9223372036854775807})", Message().varint(3, 0x7fff'ffff'ffff'ffff)},
             Row{R"({"intValue":1e3})", Message().varint(3, 1000)},
             Row{R"({"doubleValue":1e-310})", Message().real(4, 1e-310)},
             Row{R"({"doubleValue":"-Infinity"})", Message().real(4, -HUGE_VAL)},
             Row{R"({"doubleValue":"1.5"})", Message().real(4, 1.5)},
             Row{R"({"bytesValue":"/+8="})", Message().bytes(7, "\xff\xef")},
             Row{R"({"bytesValue":"_-8"})", Message().bytes(7, "\xff\xef")},
             Row{R"({"arrayValue":{"values":[]}})", Message().bytes(5, "")},
             Row{R"({})", Message()},
         }) {
        const std::string json =
            R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[)"
            R"({"asInt":"1","attributes":[{"key":"a","value":)" +
            std::string(row.json) + "}]}]}}]}]}]}";
        const Message pair = Message().bytes(1, "a").message(2, row.value);
        const Message metric =
            Message().bytes(1, "m").message(5, Message().message(1, Message().fixed64(6, 1).message(7, pair)));
        const std::string body = Message().message(1, Message().message(2, Message().message(2, metric))).text();
        const std::string records = records_of(decode(json, OtlpEncoding::json));
        EXPECT_FALSE(records.empty()) << row.json;
        EXPECT_EQ(records, records_of(decode(body, OtlpEncoding::protobuf))) << row.json;
    }
}

}  // namespace
}  // namespace sluice
