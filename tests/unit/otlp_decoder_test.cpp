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

// Message, then `number` of it, then of that, …
std::string request_of(const Message& metric) {
    return Message().message(1, Message().message(2, Message().message(2, metric))).text();
}

Message gauge_of(const Message& point) { return Message().bytes(1, "m").message(5, Message().message(1, point)); }

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

// As libprotobuf reads it: a field of another type is an unknown one, and a summary without a sum has the sum 0.
TEST(OtlpDecoder, WhatDoesNotCount) {
    const Message value = Message().bytes(1, "v");
    for (const Message& unknown : {Message().varint(1, 1), Message().bytes(2, "x"), Message().fixed64(3, 1),
                                   Message().varint(4, 1), Message().varint(5, 1), Message().varint(7, 1)}) {
        const Message pair = Message().bytes(1, "k").message(2, Message(value).append(unknown));
        const Message point = Message().fixed64(4, 5).fixed64(3, 7).message(7, pair);
        const Message metric = Message().bytes(1, "m").message(11, Message().message(1, point));
        EXPECT_EQ(records_of(decode(request_of(metric), OtlpEncoding::protobuf)),
                  R"({"device_id":"unknown","type":"m","values":{"count":5,"sum":0.0},"timestamp":7,)"
                  R"("metadata":{"k":"v"},"otlp":{"kind":"summary"}})"
                  "\n");
    }
    const Message no_counts = Message().fixed64(3, 7).message(8, Message().zigzag(1, 0)).message(9, Message());
    const Message metric = Message().bytes(1, "m").message(10, Message().message(1, no_counts));
    EXPECT_EQ(records_of(decode(request_of(metric), OtlpEncoding::protobuf)),
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

// Embedded messages merge: their attributes follow each other, and of a name the last one counts.
TEST(OtlpDecoder, SeveralResourcesAndScopesAreMerged) {
    const Message first_scope = Message().bytes(1, "old").bytes(2, "1").message(3, attribute("s", "1"));
    const Message second_scope = Message().message(3, attribute("t", "2")).bytes(1, "new");
    const Message scope_metrics = Message()
                                      .message(1, first_scope)
                                      .message(2, gauge_of(Message().fixed64(6, 1).fixed64(3, 7)))
                                      .message(1, second_scope);
    const auto with = [&](std::string_view key) {
        return Message()
            .message(1, Message().message(1, attribute("host.name", "h")))
            .message(2, scope_metrics)
            .message(1, Message())
            .message(1, Message().message(1, attribute(key, "x")));
    };
    EXPECT_EQ(records_of(decode(Message().message(1, with("a")).text(), OtlpEncoding::protobuf)),
              R"({"device_id":"h","type":"m","value":1,"timestamp":7,"otlp":{"kind":"gauge",)"
              R"("resource":{"host.name":"h","a":"x"},)"
              R"("scope":{"name":"new","version":"1","attributes":{"s":"1","t":"2"}}}})"
              "\n");
    const Decoded twice = decode(Message().message(1, with("host.name")).text(), OtlpEncoding::protobuf);
    ASSERT_EQ(twice.refused.size(), 1u);
    EXPECT_EQ(twice.refused[0].refusal, Refusal::duplicate_member);
    // The next ResourceMetrics has nothing of it.
    const Message other = Message().message(2, Message().message(2, gauge_of(Message().fixed64(6, 2).fixed64(3, 7))));
    const Decoded both =
        decode(Message().message(1, with("host.name")).message(1, other).text(), OtlpEncoding::protobuf);
    ASSERT_EQ(both.samples.size(), 1u);
    EXPECT_EQ(both.samples[0].raw,
              R"({"device_id":"unknown","type":"m","value":2,"timestamp":7,"otlp":{"kind":"gauge"}})");
}

// Their counts follow each other, and of the offsets the last one counts.
TEST(OtlpDecoder, BucketsThatComeTwiceAreMerged) {
    const auto decoded_of = [](const Message& point) {
        const Message metric = Message().bytes(1, "m").message(10, Message().message(1, point));
        return decode(request_of(metric), OtlpEncoding::protobuf);
    };
    const Message buckets = Message().zigzag(1, 2).varint(2, 3);
    const Message point = Message()
                              .fixed64(3, 7)
                              .message(8, buckets)
                              .message(9, buckets)
                              .message(8, Message().varint(2, 4))
                              .message(8, Message().zigzag(1, -1));
    EXPECT_EQ(records_of(decoded_of(point)),
              R"({"device_id":"unknown","type":"m","values":{"count":0},"timestamp":7,)"
              R"("histogram":{"scale":0,"zero_count":0,"zero_threshold":0.0,)"
              R"("positive":{"offset":-1,"counts":[3,4]},"negative":{"offset":2,"counts":[3]}},)"
              R"("otlp":{"kind":"exponential_histogram"}})"
              "\n");
    const Decoded cut_off = decoded_of(Message().message(8, Message().bytes(2, "\x80")).message(8, buckets));
    ASSERT_EQ(cut_off.refused.size(), 1u);
    EXPECT_EQ(cut_off.refused[0].refusal, Refusal::bad_histogram);
}

// The flag says so, whatever else the point has.
TEST(OtlpDecoder, APointOfAnyKindMayHaveNoValue) {
    const struct {
        std::uint32_t data_number, flags_number;
        std::string_view otlp;
    } rows[] = {{5, 8, R"({"kind":"gauge"})"},
                {7, 8, R"({"kind":"sum","monotonic":false})"},
                {9, 10, R"({"kind":"histogram"})"},
                {10, 10, R"({"kind":"exponential_histogram"})"},
                {11, 8, R"({"kind":"summary"})"}};
    for (const auto& row : rows) {
        const Message point = Message().fixed64(3, 7).fixed64(4, 5).varint(row.flags_number, 1);
        const Message metric = Message().bytes(1, "m").message(row.data_number, Message().message(1, point));
        EXPECT_EQ(records_of(decode(request_of(metric), OtlpEncoding::protobuf)),
                  R"({"device_id":"unknown","type":"m","value":"NaN","timestamp":7,"otlp":)" + std::string(row.otlp) +
                      ",\"stale\":true}\n");
    }
}

TEST(OtlpDecoder, AUnitThatIsNoneOfASampleIsKeptBesideIt) {
    const auto decoded_with = [](std::string_view unit) {
        const Message data = Message().message(1, Message().fixed64(6, 1).fixed64(3, 7));
        const Message with_unit = Message().bytes(1, "m").bytes(3, unit).message(5, data);
        const Message without = Message().bytes(1, "n").message(5, data);
        const Message scope_metrics = Message().message(2, with_unit).message(2, without);
        return decode(Message().message(1, Message().message(2, scope_metrics)).text(), OtlpEncoding::protobuf);
    };
    const auto expected = [](std::string_view unit, std::string_view of_otlp) {
        return R"({"device_id":"unknown","type":"m","value":1)" + std::string(unit) +
               R"(,"timestamp":7,"otlp":{"kind":"gauge")" + std::string(of_otlp) + "}}\n" +
               R"({"device_id":"unknown","type":"n","value":1,"timestamp":7,"otlp":{"kind":"gauge"}})" + "\n";
    };
    const std::string longest(limits::unit_bytes_max, 'u'), longer(limits::unit_bytes_max + 1, 'u');
    EXPECT_EQ(records_of(decoded_with(longest)), expected(",\"unit\":\"" + longest + "\"", ""));
    EXPECT_EQ(records_of(decoded_with(longer)), expected("", ",\"unit\":\"" + longer + "\""));
    EXPECT_EQ(records_of(decoded_with("a\nb")), expected("", R"(,"unit":"a\nb")"));
    EXPECT_EQ(decoded_with("\xff").refused.at(0).refusal, Refusal::bad_unit);
    EXPECT_EQ(decoded_with(std::string(17'000, 'u')).refused.at(0).refusal, Refusal::sample_too_large);
}

// --- JSON that is no message --------------------------------------------------------------------------------------

// A request with a metric of two points, and one of a single point. Each part may be replaced.
struct JsonParts {
    std::string_view point = R"({"asInt":"1"})";
    std::string_view data_begin{}, data_end{};  // around dataPoints
    std::string_view metric{};  // behind the data
    std::string_view scope{};  // in front of the metrics
    std::string_view resource{};  // behind the scopes

    [[nodiscard]] std::string text() const {
        const std::string good = R"({"asInt":"2"})";
        return R"({"resourceMetrics":[{"scopeMetrics":[{)" + std::string(scope) + R"("metrics":[{"name":"a","sum":{)" +
               std::string(data_begin) + R"("dataPoints":[)" + std::string(point) + "," + good + "]" +
               std::string(data_end) + "}" + std::string(metric) + R"(},{"name":"b","gauge":{"dataPoints":[)" + good +
               "]}}]}]" + std::string(resource) + "}]}";
    }
};

// "1 of 3: code": how many points were refused, and why; or "body: code".
std::string refused_of(std::string_view json) {
    const Decoded decoded = decode(json, OtlpEncoding::json);
    if (decoded.body_refused) return "body: " + std::string(info_of(decoded.body_refusal).code);
    std::string text = std::to_string(decoded.refused.size()) + " of " +
                       std::to_string(decoded.refused.size() + decoded.samples.size());
    for (std::size_t i = 0; i < decoded.refused.size(); ++i) {
        EXPECT_EQ(decoded.refused[i].index, i) << json;
        EXPECT_EQ(decoded.refused[i].refusal, decoded.refused[0].refusal) << json;
    }
    return decoded.refused.empty() ? text : text + ": " + std::string(info_of(decoded.refused[0].refusal).code);
}

// JavaScript writes 1e20 so. The parser would refuse the whole text.
TEST(OtlpDecoder, JsonNumbersThatFitNoType) {
    const struct {
        std::string_view point, refused;
    } rows[] = {{R"({"asDouble":100000000000000000000})", "0 of 3"},
                {R"({"asDouble":-9223372036854775809,"x":[1e400,18446744073709551616]})", "0 of 3"},
                {R"({"asDouble":1e400})", "1 of 3: wrong_json_type"},
                {R"({"asDouble":1e-400})", "0 of 3"},
                {R"({"asInt":100000000000000000000})", "1 of 3: wrong_json_type"},
                {R"({"asInt":1,"s":"\\\"100000000000000000000","t":100000000000000000000})", "0 of 3"},
                {R"({"asDouble":100000000000000000000x})", "body: invalid_json"},
                {R"({"asDouble":0100000000000000000000})", "body: invalid_json"}};
    for (const auto& row : rows) EXPECT_EQ(refused_of(JsonParts{.point = row.point}.text()), row.refused) << row.point;
    const Decoded decoded = decode(JsonParts{.point = rows[0].point}.text(), OtlpEncoding::json);
    ASSERT_EQ(decoded.samples.size(), 3u);
    EXPECT_EQ(decoded.samples[0].value, "1e+20");
}

TEST(OtlpDecoder, AMemberThatCannotBeReadRefusesTheNearestPoints) {
    std::string deep;
    for (int i = 0; i < 90; ++i) deep += R"({"arrayValue":{"values":[)";
    deep += "{}";
    for (int i = 0; i < 90; ++i) deep += "]}}";
    deep = R"({"asInt":1,"attributes":[{"key":"k","value":)" + deep + "}]}";
    struct Row {
        JsonParts parts;
        std::string_view refused;
    };
    for (const Row& row : {
             Row{{}, "0 of 3"},
             {{.point = R"({"asInt":1,"x":1,"x":2})"}, "0 of 3"},
             // A point.
             {{.point = R"({"asInt":"x"})"}, "1 of 3: wrong_json_type"},
             {{.point = R"({"asInt":1.5})"}, "1 of 3: wrong_json_type"},
             {{.point = R"({"asInt":1,"flags":-1})"}, "1 of 3: wrong_json_type"},
             {{.point = R"({"asInt":1,"attributes":{}})"}, "1 of 3: wrong_json_type"},
             {{.point = R"({"asInt":1,"attributes":[1]})"}, "1 of 3: wrong_json_type"},
             {{.point = R"({"asInt":1,"attributes":[{"key":1}]})"}, "1 of 3: wrong_json_type"},
             {{.point = R"({"attributes":[{"key":"k","value":{"bytesValue":"AAA?"}}],"asInt":1})"},
              "1 of 3: wrong_json_type"},
             {{.point = R"({"asInt":1,"attributes":[{"key":"k","key":"k"}]})"}, "1 of 3: duplicate_member"},
             {{.point = R"({"asInt":1,"asInt":1})"}, "1 of 3: duplicate_member"},
             {{.point = R"({"asInt":null,"asInt":1})"}, "1 of 3: duplicate_member"},
             {{.point = deep}, "1 of 3: json_too_deep"},
             {{.point = "5"}, "1 of 3: wrong_json_type"},
             {{.point = "null"}, "1 of 3: wrong_json_type"},
             {{.point = "[]"}, "1 of 3: wrong_json_type"},
             {{.point = "{}"}, "1 of 3: missing_number"},
             // A metric.
             {{.data_end = R"(,"aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA")"}, "2 of 3: enum_by_name"},
             {{.data_begin = R"("aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA",)"}, "2 of 3: enum_by_name"},
             {{.data_end = R"(,"aggregationTemporality":"1")"}, "0 of 3"},
             {{.data_end = R"(,"aggregationTemporality":[])"}, "2 of 3: wrong_json_type"},
             {{.data_end = R"(,"isMonotonic":1)"}, "2 of 3: wrong_json_type"},
             {{.metric = R"(,"unit":1)"}, "2 of 3: wrong_json_type"},
             {{.metric = R"(,"name":"a")"}, "2 of 3: duplicate_member"},
             // A scope, a resource.
             {{.scope = R"("scope":1,)"}, "3 of 3: wrong_json_type"},
             {{.scope = R"("scope":{"name":1},)"}, "3 of 3: wrong_json_type"},
             {{.scope = R"("scope":{},"scope":{},)"}, "3 of 3: duplicate_member"},
             {{.resource = R"(,"resource":[])"}, "3 of 3: wrong_json_type"},
             {{.resource = R"(,"resource":{"attributes":[{"key":"k","value":{"boolValue":"x"}}]})"},
              "3 of 3: wrong_json_type"},
             // What leads to points.
             {{.data_end = R"(,"dataPoints":[])"}, "body: duplicate_member"},
             {{.metric = R"(,"gauge":1)"}, "body: wrong_json_type"},
             {{.metric = R"(,"sum":{})"}, "body: duplicate_member"},
             {{.metric = R"(,"gauge":{"dataPoints":[]})"}, "body: invalid_protobuf"},
             {{.scope = R"("metrics":5,)"}, "body: wrong_json_type"},
             {{.resource = R"(,"scopeMetrics":[])"}, "body: duplicate_member"},
             {{.resource = R"(},5,{"x":1)"}, "body: wrong_json_type"},
         })
        EXPECT_EQ(refused_of(row.parts.text()), row.refused) << row.parts.text();
}

// The field by which JSON says so is an unknown one to a client that sends it.
TEST(OtlpDecoder, TheFieldOfARefusalIsOurs) {
    const Message point = Message().varint(15, 3).fixed64(6, 1).varint(15, 3);
    const Message metric = Message().varint(15, 3).bytes(1, "m").message(5, Message().message(1, point).varint(15, 3));
    const Message scope_metrics = Message().varint(15, 3).message(2, metric);
    const Message resource_metrics = Message().varint(15, 3).message(2, scope_metrics);
    const Decoded decoded = decode(Message().message(1, resource_metrics).text(), OtlpEncoding::protobuf);
    EXPECT_EQ(decoded.samples.size(), 1u);
    EXPECT_TRUE(decoded.refused.empty() && !decoded.body_refused);
}

// The tables of its parser are touched in many steps, once.
TEST(OtlpDecoder, TheFirstLongJsonBodyIsBegunInSteps) {
    std::string text = R"({"resourceMetrics":[{"x":")" + std::string(1'000'000, 'x') + R"("}]})";
    const GuardedBody body(text);
    OtlpDecoder decoder;
    const auto steps_count = [&] {
        int count = 0;
        decoder.start(body.view(), static_cast<parsers::Dialect>(OtlpEncoding::json), {});
        for (; decoder.next() == parsers::Step::more; ++count) {
        }
        return count;
    };
    EXPECT_GT(steps_count(), 100);
    EXPECT_LT(steps_count(), 10);
}

}  // namespace
}  // namespace sluice
