// Prometheus remote write 1.0 and 2.0: what each sample becomes, which are refused and why, and that the canonical
// record of a sample is the same sample when it is posted as JSON.
// runs: release asan
#include "parsers/prometheus/remote_write_decoder.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/decoding.hpp"
#include "tests/support/protobuf_text.hpp"
#include "tests/support/remote_write_text.hpp"
#include "tests/support/texts.hpp"

namespace sluice {
namespace {

using parsers::RemoteWriteDecoder;
using parsers::RemoteWriteVersion;
using tests::decode_twice;
using tests::Decoded;
using tests::label;
using tests::Labels;
using tests::Message;
using tests::request;
using tests::sample;
using tests::series;
using tests::up;

const double stale = std::bit_cast<double>(std::uint64_t{0x7ff0'0000'0000'0002});

Decoded decode(std::string_view body, RemoteWriteVersion version, Kinds* kinds = nullptr) {
    RemoteWriteDecoder decoder;
    Decoded decoded = decode_twice(decoder, body, version);
    if (kinds != nullptr) *kinds = decoder.kinds();
    return decoded;
}

// --- 1.0 -----------------------------------------------------------------------------------------------------------

void expect_canonical(const Decoded& decoded) {
    for (const auto& one : decoded.samples) {
        SCOPED_TRACE(one.raw);
        const Decoded again = tests::decode(one.raw, parsers::BodyFormat::json, {parsers::Precision::ns, 5});
        ASSERT_EQ(again.samples.size(), 1u);
        EXPECT_TRUE(tests::is_same_sample(again.samples[0], one)) << again.samples[0].raw;
    }
}

std::string records_of(const Decoded& decoded) {
    expect_canonical(decoded);
    std::string text;
    for (const auto& one : decoded.samples) text += one.raw + "\n";
    return text;
}

bool is_no_message(const Decoded& decoded) {
    return decoded.body_refused && decoded.body_refusal == Refusal::invalid_protobuf;
}

std::string records_v1(std::string_view body) { return records_of(decode(body, RemoteWriteVersion::v1)); }

TEST(RemoteWriteDecoder, WhatASampleBecomes) {
    EXPECT_EQ(records_v1(request({series(up, {sample(1)})})),
              R"({"device_id":"a:9100","type":"up","value":1.0,"timestamp":1700000123456000000,)"
              R"("metadata":{"instance":"a:9100","job":"node"}})"
              "\n");
    EXPECT_EQ(records_v1(request({series({{"__name__", "x"}}, {sample(0.25, 0), sample(-1e300, 1)})})),
              R"({"device_id":"x","type":"x","value":0.25,"timestamp":0})"
              "\n"
              R"({"device_id":"x","type":"x","value":-1e+300,"timestamp":1000000})"
              "\n");
}

TEST(RemoteWriteDecoder, TheBestLabelNamesTheDevice) {
    struct Row {
        Labels labels;
        std::string_view device;
    };
    for (const Row& row : {Row{{{"job", "j"}}, "j"},
                           {{{"instance", "i"}, {"job", "j"}}, "i"},
                           {{{"device_id", "d"}, {"instance", "i"}, {"job", "j"}}, "d"},
                           {{{"job", "j"}, {"instance", "i"}, {"device_id", "d"}}, "d"},
                           {{{"instance", ""}, {"job", "j"}}, "j"},
                           {{{"host", "h"}}, "m"}}) {
        Labels labels = row.labels;
        labels.insert(labels.begin(), {"__name__", "m"});
        const Decoded decoded = decode(request({series(labels, {sample(1)})}), RemoteWriteVersion::v1);
        ASSERT_EQ(decoded.samples.size(), 1u);
        EXPECT_EQ(decoded.samples[0].device_id, row.device);
    }
}

TEST(RemoteWriteDecoder, WhatJsonHasNoNumberFor) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const auto value_of = [](double value) {
        const std::string text = records_v1(request({series({{"__name__", "x"}}, {sample(value, 7)})}));
        return text.substr(0, text.size() - 1);
    };
    const std::string_view begin = R"({"device_id":"x","type":"x","value":)", end = R"(,"timestamp":7000000)";
    const auto expected = [&](std::string_view value, std::string_view more = "") {
        return std::string(begin) + std::string(value) + std::string(end) + std::string(more) + "}";
    };
    EXPECT_EQ(value_of(infinity), expected("\"Infinity\""));
    EXPECT_EQ(value_of(-infinity), expected("\"-Infinity\""));
    EXPECT_EQ(value_of(std::numeric_limits<double>::quiet_NaN()), expected("\"NaN\""));
    EXPECT_EQ(value_of(stale), expected("\"NaN\"", ",\"stale\":true"));
    EXPECT_EQ(value_of(-0.0), expected("-0.0"));
    EXPECT_EQ(value_of(5e-324), expected("5e-324"));
    EXPECT_EQ(value_of(1e22), expected("1e+22"));
    EXPECT_EQ(value_of(123456789), expected("123456789.0"));
}

TEST(RemoteWriteDecoder, FieldsInAnyOrderAndUnknownOnes) {
    Message message;
    message.varint(99, 7).message(2, Message().varint(2, 5).bytes(77, "?").real(1, 4)).fixed64(50, 1);
    message.message(1, Message().bytes(2, "v").bytes(9, "x").bytes(1, "__name__")).bytes(3000, std::string(300, 'z'));
    Message whole;
    whole.message(3, Message().varint(1, 1).bytes(2, "family")).varint(7, 1).message(1, message);
    EXPECT_EQ(records_v1(whole.text()), R"({"device_id":"v","type":"v","value":4.0,"timestamp":5000000})"
                                        "\n");
}

TEST(RemoteWriteDecoder, NothingIsNoError) {
    EXPECT_EQ(records_v1(""), "");
    EXPECT_EQ(records_v1(request({series(up)})), "");
    EXPECT_EQ(records_v1(Message().message(3, Message().bytes(2, "up")).text()), "");
    EXPECT_EQ(records_v1(request({series({{"__name__", "x"}}, {Message()})})),
              R"({"device_id":"x","type":"x","value":0.0,"timestamp":0})"
              "\n");
}

TEST(RemoteWriteDecoder, ABadSeriesRefusesItsOwnRecords) {
    struct Row {
        Message series;
        std::string_view expected;  // codes of its records
    };
    const Message one = sample(1);
    const std::string long_text(129, 'x');
    Labels many{{"__name__", "x"}};
    for (int i = 0; i < 64; ++i) many.emplace_back("l" + std::to_string(i), "v");
    for (const Row& row : {
             Row{series({}, {one}), "missing_name"},
             {series({{"job", "j"}}, {one, one}), "missing_name missing_name"},
             {series({{"__name__", ""}}, {one}), "missing_name"},
             {series({{"__name__", "x"}, {"", "v"}}, {one}), "bad_label"},
             {series({{"__name__", "x"}, {"l", "\xff"}}, {one}), "bad_label"},
             {series({{"__name__", "x"}, {"\xc3", "v"}}, {one}), "bad_label"},
             {series({{"__name__", "x"}, {"l", "1"}, {"l", "2"}}, {one}), "duplicate_member"},
             {series({{"b", "1"}, {"__name__", "x"}, {"b", "2"}}, {one}), "duplicate_member"},
             {series({{"__name__", "a\x01"}}, {one}), "bad_type"},
             {series({{"__name__", long_text}}, {one}), "bad_type"},
             {series({{"__name__", "x"}, {"instance", long_text}}, {one}), "bad_device_id"},
             {series({{"__name__", "x"}, {"instance", "a\nb"}}, {one}), "bad_device_id"},
             {series(many, {one}), "too_many_members"},
             {series({{"__name__", "x"}, {"l", std::string(17'000, 'l')}}, {one}), "sample_too_large"},
             {series({{"__name__", "x"}, {"l", std::string(9'000, '"')}}, {one}), "sample_too_large"},
             {series({{"__name__", "x"}}, {sample(1, -1)}), "bad_timestamp"},
             {series({{"__name__", "x"}}, {sample(1, 9'223'372'036'855)}), "bad_timestamp"},
             {series({{"__name__", "x"}}, {sample(1, std::numeric_limits<std::int64_t>::max())}), "bad_timestamp"},
         }) {
        const Decoded decoded =
            decode(request({series(up, {one}), row.series, series(up, {one})}), RemoteWriteVersion::v1);
        std::string codes;
        for (const auto& refused : decoded.refused)
            codes += (codes.empty() ? "" : " ") + std::string(info_of(refused.refusal).code);
        EXPECT_EQ(codes, row.expected);
        EXPECT_EQ(decoded.samples.size(), 2u) << row.expected;
        ASSERT_FALSE(decoded.refused.empty());
        EXPECT_EQ(decoded.refused[0].index, 1u);
    }
}

// What is no such message refuses the body, wherever it breaks.
TEST(RemoteWriteDecoder, EveryCutRefusesTheBodyOrIsAShorterMessage) {
    const std::string body = request({series(up, {sample(1), sample(2)}), series(up, {sample(3)})});
    for (std::size_t bytes = 1; bytes < body.size(); ++bytes) {
        const Decoded decoded = decode(std::string_view(body).substr(0, bytes), RemoteWriteVersion::v1);
        const bool is_between_series = bytes == request({series(up, {sample(1), sample(2)})}).size();
        EXPECT_EQ(decoded.body_refused, !is_between_series) << bytes;
        if (decoded.body_refused) {
            EXPECT_EQ(decoded.body_refusal, Refusal::invalid_protobuf);
        }
    }
}

TEST(RemoteWriteDecoder, WhatIsNoMessage) {
    using namespace std::string_view_literals;
    const auto in_series = [](std::string_view bytes) { return Message().bytes(1, bytes).text(); };
    for (const std::string& body : {
             std::string("x"), std::string("{\"device_id\":\"d\"}"), std::string("\0"sv),
             std::string("\x0b\x0c"),                                       // a group
             std::string("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),  // a varint of 11 bytes
             std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),      // a length of 2^64 - 1
             std::string("\x0a\x05xx"), in_series("\x0a"), in_series("\x0a\x05xx"), in_series("\x0f"),
             in_series("\x12\x02\x09\x00"sv),                               // a sample: half a double
             in_series("\x0a\x02\x0a\x05"),                                 // a label: half a name
             in_series("\x22\x01\x09"),                                     // half a histogram
             std::string("\x08"), in_series("\x08"), in_series("\x12\x01\x10"),  // tags alone
         })
        EXPECT_TRUE(is_no_message(decode(body, RemoteWriteVersion::v1))) << testing::PrintToString(body);
}

// --- histograms and exemplars --------------------------------------------------------------------------------------

Message span(std::int64_t offset, std::uint64_t length) { return Message().zigzag(1, offset).varint(2, length); }

Message histogram() {
    Message deltas;
    for (const std::int64_t delta : {2, 1, -2, 3}) deltas.put(Message::zigzagged(delta));
    return Message()
        .varint(1, 12)
        .real(3, 1.5)
        .zigzag(4, 3)
        .real(5, 1e-128)
        .varint(6, 2)
        .message(11, span(0, 2))
        .message(11, span(-3, 2))
        .bytes(12, deltas.text())
        .varint(15, tests::remote_write_ms);
}

Message series_of_histogram(const Message& one) {
    Message message = series({{"__name__", "h"}});
    return message.message(4, one);
}

TEST(RemoteWriteDecoder, NativeHistograms) {
    EXPECT_EQ(records_v1(request({series_of_histogram(histogram())})),
              R"({"device_id":"h","type":"h","values":{"count":12,"sum":1.5},"timestamp":1700000123456000000,)"
              R"("histogram":{"schema":3,"zero_threshold":1e-128,"zero_count":2,)"
              R"("positive":{"spans":[[0,2],[-3,2]],"counts":[2,3,1,4]}}})"
              "\n");
    Message counts, custom;
    counts.put_real(0.5).put_real(2);
    custom.put_real(0.1).put_real(1);
    const Message floats = Message()
                               .real(2, 2.5)
                               .real(3, stale)
                               .zigzag(4, -53)
                               .real(7, 0)
                               .message(8, span(0, 2))
                               .bytes(10, counts.text())
                               .bytes(16, custom.text())
                               .varint(15, 1);
    EXPECT_EQ(records_v1(request({series_of_histogram(floats)})),
              R"({"device_id":"h","type":"h","values":{"count":2.5,"sum":"NaN"},"timestamp":1000000,)"
              R"("histogram":{"schema":-53,"zero_threshold":0.0,"zero_count":0.0,)"
              R"("negative":{"spans":[[0,2]],"counts":[0.5,2.0]},"custom_values":[0.1,1.0]},"stale":true})"
              "\n");
}

TEST(RemoteWriteDecoder, NoCustomValuesAreNotWritten) {
    const Message empty = Message().varint(1, 0).bytes(16, "").varint(15, 1);
    EXPECT_EQ(records_v1(request({series_of_histogram(empty)})),
              R"({"device_id":"h","type":"h","values":{"count":0,"sum":0.0},"timestamp":1000000,)"
              R"("histogram":{"schema":0,"zero_threshold":0.0,"zero_count":0}})"
              "\n");
}

TEST(RemoteWriteDecoder, HistogramsWhoseBucketsDoNotFit) {
    Message too_many_counts = histogram();
    too_many_counts.zigzag(12, 1);
    Message too_many_spans = histogram();
    too_many_spans.message(11, span(1, 1));
    Message endless = histogram();
    endless.message(11, span(0, std::numeric_limits<std::uint64_t>::max()));
    Message cut_off_list = histogram();  // of the counts of a histogram of reals, which this is not
    cut_off_list.bytes(13, "1234");
    for (const Message& one : {too_many_counts, too_many_spans, endless, cut_off_list}) {
        const Decoded decoded = decode(request({series_of_histogram(one)}), RemoteWriteVersion::v1);
        ASSERT_EQ(decoded.refused.size(), 1u);
        EXPECT_EQ(decoded.refused[0].refusal, Refusal::bad_histogram);
    }
}

TEST(RemoteWriteDecoder, ExemplarsComeWithTheFirstRecord) {
    Message message = series({{"__name__", "x"}}, {sample(1, 1), sample(2, 2)});
    message.message(3, Message().message(1, label("trace_id", "a\"b")).real(2, 0.5).varint(3, 9));
    message.message(3, Message().real(2, 3));
    Kinds kinds;
    const Decoded decoded = decode(request({message}), RemoteWriteVersion::v1, &kinds);
    EXPECT_EQ(records_of(decoded),
              R"({"device_id":"x","type":"x","value":1.0,"timestamp":1000000,"exemplars":[{"labels":)"
              R"({"trace_id":"a\"b"},"value":0.5,"timestamp_ms":9},{"value":3.0,"timestamp_ms":0}]})"
              "\n"
              R"({"device_id":"x","type":"x","value":2.0,"timestamp":2000000})"
              "\n");
    EXPECT_EQ(kinds.samples_count, 2u);
    EXPECT_EQ(kinds.exemplars_count, 2u);
}

// As Prometheus sends them.
TEST(RemoteWriteDecoder, ExemplarsOfASeriesWithoutSamplesAreARecord) {
    Message message = series({{"__name__", "x_bucket"}, {"le", "1"}});
    message.message(3, Message().message(1, label("trace_id", "t")).real(2, 0.5).varint(3, 9));
    Kinds kinds;
    const Decoded decoded = decode(request({message, series(up, {sample(1, 1)})}), RemoteWriteVersion::v1, &kinds);
    EXPECT_EQ(records_of(decoded),
              R"({"device_id":"x_bucket","type":"x_bucket","values":{"exemplar":0.5},"timestamp":9000000,)"
              R"("metadata":{"le":"1"},"exemplars":[{"labels":{"trace_id":"t"},"value":0.5,"timestamp_ms":9}]})"
              "\n"
              R"({"device_id":"a:9100","type":"up","value":1.0,"timestamp":1000000,)"
              R"("metadata":{"instance":"a:9100","job":"node"}})"
              "\n");
    EXPECT_EQ(kinds.samples_count, 1u);
    EXPECT_EQ(kinds.exemplars_count, 1u);
    Message nameless = series({{"le", "1"}});
    nameless.message(3, Message().real(2, 0.5).varint(3, 9));
    const Decoded none = decode(request({nameless}), RemoteWriteVersion::v1, &kinds);
    EXPECT_TRUE(none.samples.empty() && none.refused.empty() && !none.body_refused);
    EXPECT_EQ(kinds.exemplars_count, 0u);
}

// They never cost a sample: what does not fit is left out, and not counted.
TEST(RemoteWriteDecoder, ExemplarsThatDoNotFit) {
    Message message = series({{"__name__", "x"}, {"l", std::string(14'000, 'l')}}, {sample(1, 1)});
    for (int i = 0; i < 40; ++i) message.message(3, Message().message(1, label("t", std::string(300, 't'))).real(2, i));
    Kinds kinds;
    EXPECT_EQ(decode(request({message}), RemoteWriteVersion::v1, &kinds).samples.size(), 1u);
    EXPECT_EQ(kinds.exemplars_count, 0u);
    Message small = series({{"__name__", "x"}}, {sample(1, 1)});
    for (int i = 0; i < 40; ++i) small.message(3, Message().message(1, label("t", "v")).real(2, i));
    EXPECT_EQ(decode(request({small}), RemoteWriteVersion::v1, &kinds).samples.size(), 1u);
    EXPECT_EQ(kinds.exemplars_count, RemoteWriteDecoder::exemplars_count_max);
    Message bad = series({{"__name__", "x"}}, {sample(1, 1)});
    bad.message(3, Message().message(1, label("t", "\xff")).real(2, 1));
    EXPECT_EQ(decode(request({bad}), RemoteWriteVersion::v1, &kinds).samples.size(), 1u);
    EXPECT_EQ(kinds.exemplars_count, 0u);
}

// --- 2.0 -----------------------------------------------------------------------------------------------------------

Message refs(std::initializer_list<std::uint64_t> all) {
    Message list;
    for (const std::uint64_t ref : all) list.put(ref);
    return Message().bytes(1, list.text());
}

std::string request_v2(std::initializer_list<std::string_view> symbols, std::initializer_list<Message> all) {
    Message message;
    for (const std::string_view symbol : symbols) message.bytes(4, symbol);
    for (const Message& one : all) message.message(5, one);
    return message.text();
}

TEST(RemoteWriteDecoder, V2) {
    Message one = refs({1, 2, 3, 4});
    one.message(2, Message().real(1, 5).varint(2, tests::remote_write_ms).varint(3, tests::remote_write_ms - 1000));
    one.message(4, Message().bytes(1, Message().put(5).put(6).text()).real(2, 0.5).varint(3, 9));
    one.message(5, Message().varint(1, 1).varint(3, 0).varint(4, 7));
    Kinds kinds;
    const Decoded decoded =
        decode(request_v2({"", "__name__", "requests_total", "instance", "a:1", "trace", "t1", "seconds"}, {one}),
               RemoteWriteVersion::v2, &kinds);
    EXPECT_EQ(records_of(decoded), R"({"device_id":"a:1","type":"requests_total","value":5.0,"unit":"seconds",)"
                                   R"("timestamp":1700000123456000000,"metadata":{"instance":"a:1"},)"
                                   R"("prometheus":{"kind":"counter","start":1700000122456000000},)"
                                   R"("exemplars":[{"labels":{"trace":"t1"},"value":0.5,"timestamp_ms":9}]})"
                                   "\n");
    EXPECT_EQ(kinds.samples_count, 1u);
    EXPECT_EQ(kinds.histograms_count, 0u);
    EXPECT_EQ(kinds.exemplars_count, 1u);
}

TEST(RemoteWriteDecoder, V2RefsUnpackedAndSymbolsBehindTheSeries) {
    const Message one = Message().varint(1, 1).varint(1, 2).message(2, sample(1, 1));
    const Message other = Message().varint(1, 1).varint(1, 2).message(3, Message().varint(1, 0).varint(15, 2));
    Message whole;
    whole.message(5, one).message(5, other).bytes(4, "").bytes(4, "__name__").bytes(4, "x");
    Kinds kinds;
    const Decoded decoded = decode(whole.text(), RemoteWriteVersion::v2, &kinds);
    EXPECT_EQ(decoded.samples.size(), 2u);
    EXPECT_EQ(kinds.samples_count, 1u);
    EXPECT_EQ(kinds.histograms_count, 1u);
    expect_canonical(decoded);
}

TEST(RemoteWriteDecoder, V2BadTables) {
    const auto with = [](std::initializer_list<std::uint64_t> list) {
        Message one = refs(list);
        return one.message(2, sample(1, 1));
    };
    const auto code_of = [](const Decoded& decoded) {
        return decoded.refused.empty() ? Refusal::no_samples : decoded.refused[0].refusal;
    };
    EXPECT_TRUE(is_no_message(decode(request_v2({"x", "__name__"}, {}), RemoteWriteVersion::v2)));
    EXPECT_EQ(code_of(decode(request_v2({"", "__name__", "x"}, {with({1})}), RemoteWriteVersion::v2)),
              Refusal::bad_symbol);
    EXPECT_EQ(code_of(decode(request_v2({"", "__name__", "x"}, {with({1, 3})}), RemoteWriteVersion::v2)),
              Refusal::bad_symbol);
    EXPECT_EQ(code_of(decode(request_v2({}, {with({0, 0})}), RemoteWriteVersion::v2)), Refusal::bad_symbol);
    EXPECT_EQ(code_of(decode(request_v2({"", "__name__", "x"}, {with({})}), RemoteWriteVersion::v2)),
              Refusal::missing_name);
    Message many;
    for (std::size_t i = 0; i <= RemoteWriteDecoder::symbols_count_max; ++i) many.bytes(4, "");
    EXPECT_TRUE(is_no_message(decode(many.text(), RemoteWriteVersion::v2)));
}

// The classic loss: what reads a request of 2.0 as one of 1.0 finds an empty one. Here Content-Type decides; this only
// shows that the danger is real.
TEST(RemoteWriteDecoder, V2ReadAsV1IsEmpty) {
    Message one = refs({1, 2});
    one.message(2, sample(1, 1));
    EXPECT_TRUE(decode(request_v2({"", "__name__", "x"}, {one}), RemoteWriteVersion::v1).samples.empty());
}

TEST(RemoteWriteDecoder, V2ASeriesHasSamplesOrHistograms) {
    const Message good = refs({1, 2}).message(2, sample(1));
    const Message mixed = refs({1, 2}).message(2, sample(2)).message(3, histogram()).message(2, sample(3));
    Kinds kinds;
    const Decoded decoded =
        decode(request_v2({"", "__name__", "x"}, {good, mixed, good}), RemoteWriteVersion::v2, &kinds);
    EXPECT_EQ(decoded.samples.size(), 2u);
    EXPECT_EQ(kinds.samples_count, 2u);
    ASSERT_EQ(decoded.refused.size(), 3u);
    for (std::uint32_t i = 0; i < 3; ++i) {
        EXPECT_EQ(decoded.refused[i].refusal, Refusal::mixed_series);
        EXPECT_EQ(decoded.refused[i].index, i + 1);
    }
}

}  // namespace
}  // namespace sluice
