// What no client should send, to the decoder of every format: one table for each kind of trouble, one column for each
// format. That each format's own grammar is kept is tested in its own file.
// runs: release asan
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parsers/influx/line_decoder.hpp"
#include "parsers/json/json_decoder.hpp"
#include "parsers/otlp/otlp_decoder.hpp"
#include "parsers/prometheus/remote_write_decoder.hpp"
#include "parsers/telemetry/telemetry_decoder.hpp"
#include "tests/support/decoding.hpp"
#include "tests/support/protobuf_text.hpp"
#include "tests/support/texts.hpp"

namespace sluice {
namespace {

using tests::Decoded;
using tests::GuardedBody;
using tests::Message;
using tests::repeated;

// --- a record, in every format ------------------------------------------------------------------------------------

struct Record {
    std::string device = "d", type = "t";
    double value = 1;
    std::uint64_t time_ns = 7'000'000;
    bool is_before_1970 = false;  // by time_ns
    std::string note{};  // a tag, a label, an attribute
};
using Records = std::span<const Record>;

std::string json_string(std::string_view text) {
    std::string quoted = "\"" + std::string(text) + "\"";
    for (std::size_t at = 0; (at = quoted.find('\0', at)) != std::string::npos;) quoted.replace(at, 1, "\\u0000");
    return quoted;
}

std::string number_text(double value) {
    std::array<char, 32> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
    return {text.data(), end.ptr};
}

std::string time_text(const Record& record) {
    return (record.is_before_1970 ? "-" : "") + std::to_string(record.time_ns);
}
std::uint64_t time_bits(const Record& record, std::uint64_t unit_ns = 1) {
    const std::uint64_t time = record.time_ns / unit_ns;
    return record.is_before_1970 ? ~time + 1 : time;
}

template <typename One>
std::string joined(Records records, std::string_view separator, One&& one) {
    std::string text;
    for (const Record& record : records) text.append(text.empty() ? "" : separator).append(one(record));
    return text;
}

std::string json_record(const Record& record) {
    const std::string note = record.note.empty() ? "" : ",\"metadata\":{\"note\":" + json_string(record.note) + "}";
    return "{\"device_id\":" + json_string(record.device) + ",\"type\":" + json_string(record.type) +
           ",\"value\":" + number_text(record.value) + ",\"timestamp\":" + time_text(record) + note + "}";
}
std::string json_body(Records records) { return "[" + joined(records, ",", json_record) + "]"; }
std::string ndjson_body(Records records) { return joined(records, "\n", json_record); }

std::string line_body(Records records) {
    return joined(records, "\n", [](const Record& record) {
        const std::string note = record.note.empty() ? "" : ",note=" + record.note;
        return record.type + ",device_id=" + record.device + note + " value=" + number_text(record.value) + " " +
               time_text(record);
    });
}

Message remote_write_sample(const Record& record) {
    return Message().real(1, record.value).varint(2, time_bits(record, 1'000'000));
}
Message label(std::string_view name, std::string_view value) { return Message().bytes(1, name).bytes(2, value); }

std::string remote_write_v1_body(Records records) {
    return joined(records, "", [](const Record& record) {
        Message series;
        series.message(1, label("__name__", record.type)).message(1, label("device_id", record.device));
        if (!record.note.empty()) series.message(1, label("note", record.note));
        return Message().message(1, series.message(2, remote_write_sample(record))).text();
    });
}

std::string remote_write_v2_body(Records records) {
    Message request;
    request.bytes(4, "").bytes(4, "__name__").bytes(4, "device_id").bytes(4, "note");
    std::uint64_t symbols_count = 4;
    for (const Record& record : records) {
        request.bytes(4, record.type).bytes(4, record.device).bytes(4, record.note);
        Message refs;
        refs.put(1).put(symbols_count).put(2).put(symbols_count + 1).put(3).put(symbols_count + 2);
        symbols_count += 3;
        request.message(5, Message().bytes(1, refs.text()).message(2, remote_write_sample(record)));
    }
    return request.text();
}

Message attribute(std::string_view key, std::string_view value) {
    return Message().bytes(1, key).message(2, Message().bytes(1, value));
}

std::string otlp_body(Records records) {
    Message scope_metrics;
    for (const Record& record : records) {
        Message point;
        point.fixed64(3, time_bits(record)).real(4, record.value).message(7, attribute("device.id", record.device));
        if (!record.note.empty()) point.message(7, attribute("note", record.note));
        scope_metrics.message(2, Message().bytes(1, record.type).message(5, Message().message(1, point)));
    }
    return Message().message(1, Message().message(2, scope_metrics)).text();
}

std::string otlp_json_body(Records records) {
    const auto text_attribute = [](std::string_view key, std::string_view value) {
        return "{\"key\":" + json_string(key) + R"(,"value":{"stringValue":)" + json_string(value) + "}}";
    };
    return R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[)" +
           joined(records, ",",
                  [&](const Record& record) {
                      const std::string note = record.note.empty() ? "" : "," + text_attribute("note", record.note);
                      const std::string number = number_text(record.value);
                      return "{\"name\":" + json_string(record.type) + R"(,"gauge":{"dataPoints":[{"asDouble":)" +
                             (std::isfinite(record.value) ? number : "\"" + number + "\"") + R"(,"timeUnixNano":")" +
                             time_text(record) + R"(","attributes":[)" + text_attribute("device.id", record.device) +
                             note + "]}]}}";
                  }) +
           "]}]}]}";
}

Message telemetry_sample(const Record& record) {
    Message sample;
    sample.bytes(1, record.device).bytes(2, record.type).message(3, Message().real(1, record.value));
    sample.fixed64(6, time_bits(record));
    if (!record.note.empty()) sample.message(8, Message().bytes(1, "note").message(2, Message().bytes(5, record.note)));
    return sample;
}
std::string batch_body(Records records) {
    return joined(records, "", [](const Record& one) { return Message().message(1, telemetry_sample(one)).text(); });
}
std::string delimited_body(Records records) {
    return joined(records, "", [](const Record& record) {
        const std::string sample = telemetry_sample(record).text();
        return Message().put(sample.size()).text() + sample;
    });
}
std::string sample_body(Records records) { return records.empty() ? "" : telemetry_sample(records[0]).text(); }

// --- the formats ----------------------------------------------------------------------------------------------------

template <typename Decoder>
parsers::Decoder& the() {
    static Decoder decoder;
    return decoder;
}

struct Column {
    std::string_view name;
    std::string (*body)(Records);
    parsers::Decoder& (*decoder)();
    int dialect = 0;
    bool is_text = false;
};

const std::array columns{
    Column{"json", json_body, the<parsers::JsonDecoder>, static_cast<int>(parsers::BodyFormat::json), true},
    Column{"ndjson", ndjson_body, the<parsers::JsonDecoder>, static_cast<int>(parsers::BodyFormat::ndjson), true},
    Column{"line", line_body, the<parsers::LineDecoder>, 0, true},
    Column{"rw1", remote_write_v1_body, the<parsers::RemoteWriteDecoder>,
           static_cast<int>(parsers::RemoteWriteVersion::v1)},
    Column{"rw2", remote_write_v2_body, the<parsers::RemoteWriteDecoder>,
           static_cast<int>(parsers::RemoteWriteVersion::v2)},
    Column{"otlp", otlp_body, the<parsers::OtlpDecoder>, static_cast<int>(parsers::OtlpEncoding::protobuf)},
    Column{"otlp_json", otlp_json_body, the<parsers::OtlpDecoder>, static_cast<int>(parsers::OtlpEncoding::json), true},
    Column{"batch", batch_body, the<parsers::TelemetryDecoder>, static_cast<int>(parsers::TelemetryMessage::batch)},
    Column{"delimited", delimited_body, the<parsers::TelemetryDecoder>,
           static_cast<int>(parsers::TelemetryMessage::delimited)},
    Column{"sample", sample_body, the<parsers::TelemetryDecoder>, static_cast<int>(parsers::TelemetryMessage::sample)},
};

Decoded decode(const Column& format, std::string_view body, char padding = '\xff') {
    const GuardedBody guarded(body, padding);
    Decoded decoded = tests::decode_with(format.decoder(), guarded.view(),
                                         static_cast<parsers::Dialect>(format.dialect), {parsers::Precision::ns, 5});
    for (const auto& one : decoded.samples) {  // whatever was taken is a sample
        const Decoded again = tests::decode(one.raw, parsers::BodyFormat::json, {parsers::Precision::ns, 5});
        EXPECT_TRUE(again.samples.size() == 1 && tests::is_same_sample(again.samples[0], one))
            << format.name << one.raw;
    }
    return decoded;
}

// "2", "2 1:code", "body:code": how many were taken, and the first that was refused.
std::string outcome_of(const Decoded& decoded) {
    if (decoded.body_refused) return "body:" + std::string(info_of(decoded.body_refusal).code);
    std::string text = std::to_string(decoded.samples.size());
    if (decoded.refused.empty()) return text;
    return text + " " + std::to_string(decoded.refused[0].index) + ":" +
           std::string(info_of(decoded.refused[0].refusal).code);
}

// By format; "" is for those that are not named.
using Expected = std::map<std::string_view, std::string_view>;

void expect(const Column& format, const Decoded& decoded, const Expected& expected, std::string_view what) {
    const auto row = expected.find(format.name);
    EXPECT_EQ(outcome_of(decoded), row == expected.end() ? expected.at("") : row->second)
        << format.name << ": " << what;
}

void expect_of_record(const Record& record, const Expected& expected, std::string_view what) {
    for (const Column& format : columns) expect(format, decode(format, format.body({&record, 1})), expected, what);
}

std::vector<Record> several(std::size_t count) {
    std::vector<Record> records(count);
    for (std::size_t i = 0; i < count; ++i) records[i].value = static_cast<double>(i);
    return records;
}

// --- the tables ------------------------------------------------------------------------------------------------------

TEST(HostileBodies, NoneIsTheGoodOne) {
    const std::vector<Record> records = several(2);
    for (const Column& format : columns)
        expect(format, decode(format, format.body(records)), {{"", "2"}, {"sample", "1"}}, "good");
}

TEST(HostileBodies, CutAtEveryByte) {
    const std::vector<Record> records = several(2);
    for (const Column& format : columns) {
        const std::string body = format.body(records);
        for (std::size_t bytes = 0; bytes < body.size(); ++bytes) {
            const Decoded decoded = decode(format, std::string_view(body).substr(0, bytes));
            EXPECT_LE(decoded.samples.size() + decoded.refused.size(), 2u) << format.name << " " << bytes;
            EXPECT_TRUE(decoded.body_refused || !decoded.refused.empty() || decoded.samples.size() < 2 ||
                        format.name == "line")  // a time stamp that is cut is one
                << format.name << " " << bytes;
        }
    }
}

// Lengths of 2^64 - 1, which is -1, and of 2^63; a varint of eleven bytes; groups; field 0; other wire types: at every
// byte of a good message.
TEST(HostileBodies, WireFormatThatIsNone) {
    using namespace std::string_view_literals;
    constexpr std::array inserted{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv,
                                  "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"sv,
                                  "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"sv,
                                  "\x0b"sv,
                                  "\x0c"sv,
                                  "\0"sv};
    const std::vector<Record> records = several(2);
    for (const Column& format : columns) {
        if (format.is_text) continue;
        const std::string body = format.body(records);
        for (std::size_t at = 0; at <= body.size(); ++at) {
            for (const std::string_view bytes : inserted) {
                const std::string longer = body.substr(0, at) + std::string(bytes) + body.substr(at);
                EXPECT_LE(decode(format, longer).samples.size(), 2u) << format.name << " " << at;
            }
            for (char flip = 1; flip < 8 && at < body.size(); ++flip) {
                std::string other = body;
                other[at] = static_cast<char>(other[at] ^ flip);
                EXPECT_LE(decode(format, other).samples.size(), 2u) << format.name << " " << at;
            }
        }
        for (const std::string_view alone : inserted) {
            const Decoded decoded = decode(format, alone);
            EXPECT_TRUE(decoded.body_refused || !decoded.refused.empty()) << format.name;
        }
    }
}

TEST(HostileBodies, OneBadRecordAmongAThousand) {
    std::vector<Record> records = several(1000);
    records[500].type = std::string(129, 't');
    for (const Column& format : columns)
        expect(format, decode(format, format.body(records)),
               {{"", "999 500:bad_type"}, {"line", "999 500:bad_measurement"}, {"sample", "1"}}, "one bad");
}

TEST(HostileBodies, LongNames) {
    Expected expected{
        {"", "0 0:sample_too_large"}, {"json", "body:sample_too_large"}, {"otlp_json", "body:body_too_large"}};
    expect_of_record({.device = std::string(10'000'000, 'd')}, expected, "device");
    const std::string name(100'000, 'n');
    expected["otlp_json"] = "0 0:sample_too_large";
    expect_of_record({.note = name}, expected, "note");
    expected["otlp"] = expected["otlp_json"] = "0 0:bad_type";
    expect_of_record({.type = name}, expected, "type");
}

TEST(HostileBodies, TimesBefore1970AndAfter2262) {
    const Expected refused{{"", "0 0:bad_timestamp"}, {"line", "0 0:bad_line_timestamp"}};
    Expected before = refused;
    before["otlp_json"] = "0 0:wrong_json_type";  // the field is unsigned
    expect_of_record({.time_ns = 1'000'000, .is_before_1970 = true}, before, "before 1970");
    expect_of_record({.time_ns = 9'223'372'036'855'000'000U}, refused, "after 2262");
    expect_of_record({.time_ns = 9'223'372'036'854'000'000}, {{"", "1"}}, "the last ms");
}

TEST(HostileBodies, TextThatIsNoUtf8) {
    for (const std::string_view bad : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\xe2\x82"}) {
        const Expected in_line{{"json", "body:invalid_utf8"},  {"ndjson", "0 0:invalid_utf8"},
                               {"line", "0 0:malformed_line"}, {"otlp_json", "body:invalid_utf8"},
                               {"", "0 0:bad_label"},          {"otlp", "0 0:bad_attribute"}};
        Expected of_sample = in_line;
        for (const std::string_view name : {"batch", "delimited", "sample"}) of_sample[name] = "0 0:bad_device_id";
        expect_of_record({.device = std::string(bad)}, of_sample, "device");
        for (const std::string_view name : {"batch", "delimited", "sample"}) of_sample[name] = "0 0:malformed_message";
        expect_of_record({.note = std::string(bad)}, of_sample, "note");
        for (const std::string_view name : {"batch", "delimited", "sample", "otlp"}) of_sample[name] = "0 0:bad_type";
        expect_of_record({.type = std::string(bad)}, of_sample, "type");
    }
}

// In names it is refused; in a text that is data it is escaped.
TEST(HostileBodies, ZeroBytes) {
    const std::string zero("a\0b", 3);
    expect_of_record({.device = zero}, {{"", "0 0:bad_device_id"}, {"line", "0 0:bad_tag"}}, "device");
    expect_of_record({.type = zero}, {{"", "0 0:bad_type"}, {"line", "0 0:bad_measurement"}}, "type");
    expect_of_record({.note = zero}, {{"", "1"}, {"line", "0 0:bad_tag"}}, "note");
    for (const Column& format : columns)  // between the records
        if (format.is_text) {
            const Decoded decoded = decode(format, format.body(several(1)) + std::string("\0", 1));
            EXPECT_TRUE(decoded.body_refused || !decoded.refused.empty()) << format.name;
        }
}

TEST(HostileBodies, NumbersAtTheEdges) {
    struct Row {
        double value;
        std::string_view text;
    };
    using Limits = std::numeric_limits<double>;
    for (const Row& row :
         {Row{-0.0, "-0.0"}, {Limits::denorm_min(), "5e-324"}, {Limits::max(), "1.7976931348623157e+308"}}) {
        const Record record{.value = row.value};
        for (const Column& format : columns) {
            const Decoded decoded = decode(format, format.body({&record, 1}));
            ASSERT_EQ(decoded.samples.size(), 1u) << format.name << row.text;
            const bool is_as_received = format.name == "json" || format.name == "ndjson";
            const bool is_integer = format.name == "otlp_json" && row.value == 0;  // `-0`, which has no sign then
            EXPECT_EQ(decoded.samples[0].value, is_as_received ? number_text(row.value)
                                                : is_integer   ? "0.0"
                                                               : row.text)
                << format.name;
        }
    }
    for (const double value : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()})
        expect_of_record({.value = value},
                         {{"", "1"},
                          {"json", "body:invalid_json"},
                          {"ndjson", "0 0:malformed_record"},
                          {"line", "0 0:bad_field_value"},
                          {"otlp_json", "0 0:wrong_json_type"}},  // `nan` and `inf`
                         "no number");
}

TEST(HostileBodies, NothingAtAll) {
    for (const Column& format : columns)
        expect(format, decode(format, ""),
               {{"", "0"}, {"json", "body:empty_body"}, {"sample", "0 0:missing_device_id"}}, "");
}

TEST(HostileBodies, TenThousandLevels) {
    constexpr std::size_t levels = 10'000;
    const std::string brackets = std::string(levels, '[') + std::string(levels, ']');
    struct Row {
        std::string_view format;
        std::string body;
        std::string_view outcome;
    };
    Message any = Message().bytes(1, "x"), unknown;
    for (int i = 0; i < 2000; ++i) any = Message().message(5, Message().message(1, any));  // lengths grow: 15 KiB
    for (std::size_t i = 0; i < levels; ++i) unknown = Message().message(99, unknown);
    const Message point = Message().real(4, 1).message(7, Message().bytes(1, "k").message(2, any));
    const Message metric = Message().bytes(1, "m").message(5, Message().message(1, point));
    const std::string half = std::string(levels / 2, '[') + std::string(levels / 2, ']');
    const Message sample = telemetry_sample({}).bytes(9, "{\"a\":" + half + "}");
    const std::vector<Record> one = several(1);
    for (const Row& row : {
             Row{"json", R"({"device_id":"d","type":"t","value":1,"metadata":{"a":)" + brackets + "}}",
                 "body:json_too_deep"},
             Row{"ndjson", R"({"device_id":"d","type":"t","value":1,"metadata":{"a":)" + brackets + "}}",
                 "0 0:sample_too_large"},
             Row{"line", "m f=\"" + std::string(levels, '{') + "\" 5", "1"},
             Row{"otlp_json", R"({"x":)" + brackets + "}", "body:json_too_deep"},
             Row{"otlp", Message().message(1, Message().message(2, Message().message(2, metric))).text(),
                 "0 0:json_too_deep"},
             Row{"otlp", otlp_body(one) + Message().message(99, unknown).text(), "1"},
             Row{"rw1", remote_write_v1_body(one) + Message().message(99, unknown).text(), "1"},
             Row{"rw2", remote_write_v2_body(one) + Message().message(99, unknown).text(), "1"},
             Row{"batch", Message().message(1, sample).message(99, unknown).text(), "0 0:bad_metadata"},
         }) {
        const Column& format = *std::ranges::find(columns, row.format, &Column::name);
        expect(format, decode(format, row.body), {{"", row.outcome}}, "deep");
    }
}

TEST(HostileBodies, LineEndsAndMarksOfByteOrder) {
    const std::vector<Record> records = several(2);
    const std::string mark = "\xef\xbb\xbf";
    for (const Column& format : columns) {
        if (!format.is_text) continue;
        std::string body = format.body(records);
        const std::size_t end = body.find('\n');
        if (end != std::string::npos) body.insert(end, "\r");
        expect(format, decode(format, body + "\r\n"), {{"", "2"}}, "CR LF");
        // In front of a line it is a part of the measurement, as for InfluxDB.
        expect(format, decode(format, mark + body), {{"", "2"}, {"otlp_json", "2"}}, "a mark in front");
        expect(format, decode(format, body + mark),
               {{"json", "body:invalid_json"},
                {"ndjson", "1 1:malformed_record"},
                {"line", "1 1:bad_line_timestamp"},
                {"otlp_json", "body:invalid_json"}},
               "a mark behind");
    }
}

// The fields of a message in another order are the same message; of a field that is there twice the last one counts.
TEST(HostileBodies, SamplesWhoseFieldsComeInAnyOrder) {
    const Message value = Message().real(1, 1);
    const Message sample = Message().fixed64(6, 7'000'000).message(3, value).bytes(2, "t").bytes(1, "d");
    const Message twice = Message().bytes(1, "x").bytes(2, "y").message(3, Message().real(1, 9)).fixed64(6, 1);
    const Column& format = columns.back();
    const Record record;
    const Decoded expected = decode(format, sample_body({&record, 1}));
    ASSERT_EQ(expected.samples.size(), 1u);
    for (const std::string& body : {sample.text(), twice.text() + sample.text()}) {
        const Decoded decoded = decode(format, body);
        ASSERT_EQ(decoded.samples.size(), 1u);
        EXPECT_EQ(decoded.samples[0].raw, expected.samples[0].raw);
    }
}

}  // namespace
}  // namespace sluice
