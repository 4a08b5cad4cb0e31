// What sluice-load writes in each format, read by the engine's own decoders; and what it reads in the answers.
// runs: release asan
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "parsers/influx/line_decoder.hpp"
#include "parsers/otlp/otlp_decoder.hpp"
#include "parsers/prometheus/remote_write_decoder.hpp"
#include "parsers/telemetry/telemetry_decoder.hpp"
#include "tests/support/allocation_counter.hpp"
#include "tests/support/decoding.hpp"
#include "tests/support/protobuf_text.hpp"
#include "tools/load/format/body_writer.hpp"
#include "tools/load/ledger/sample_mark.hpp"
#include "tools/load/run/partial_success.hpp"
#include "tools/load/run/request_renderer.hpp"

namespace sluice::load {
namespace {

using parsers::Dialect;
using parsers::Precision;
using tests::Decoded;
using tests::OwnedSample;

constexpr std::int64_t time_ns = 1'767'027'837'123'000'000;

template <typename Decoder>
std::unique_ptr<parsers::Decoder> make() {
    return std::make_unique<Decoder>();
}

template <typename Enum>
constexpr Dialect dialect(Enum value) {
    return static_cast<Dialect>(value);
}

// What of a sample the format has a place for.
struct Reading {
    BodyFormat format;
    std::unique_ptr<parsers::Decoder> (*make_decoder)();
    Dialect dialect;
    Precision precision;
    bool has_unit;
    std::string_view metadata;  // with SEQ in place of the seq
};

const std::array readings{
    Reading{BodyFormat::influx, make<parsers::LineDecoder>, 0, Precision::ns, false,
            R"({"device_id":"device-7","unit":"celsius"})"},
    Reading{BodyFormat::influx_v2, make<parsers::LineDecoder>, 0, Precision::ns, false,
            R"({"device_id":"device-7","unit":"celsius"})"},
    Reading{BodyFormat::remote_write, make<parsers::RemoteWriteDecoder>, dialect(parsers::RemoteWriteVersion::v1),
            Precision::ms, false, R"({"device_id":"device-7","job":"sluice-load","seq":"SEQ"})"},
    Reading{BodyFormat::remote_write_2, make<parsers::RemoteWriteDecoder>, dialect(parsers::RemoteWriteVersion::v2),
            Precision::ms, true, R"({"device_id":"device-7","job":"sluice-load","seq":"SEQ"})"},
    Reading{BodyFormat::otlp, make<parsers::OtlpDecoder>, dialect(parsers::OtlpEncoding::protobuf), Precision::ns, true,
            R"({"seq":SEQ})"},
    Reading{BodyFormat::otlp_json, make<parsers::OtlpDecoder>, dialect(parsers::OtlpEncoding::json), Precision::ns,
            true, R"({"seq":SEQ})"},
    Reading{BodyFormat::protobuf, make<parsers::TelemetryDecoder>, dialect(parsers::TelemetryMessage::batch),
            Precision::ns, true, ""},
    Reading{BodyFormat::protobuf_delimited, make<parsers::TelemetryDecoder>,
            dialect(parsers::TelemetryMessage::delimited), Precision::ns, true, ""},
};

class LoadFormat : public testing::TestWithParam<Reading> {
  protected:
    [[nodiscard]] static Decoded decode(std::string_view body) {
        const Reading& reading = GetParam();
        const tests::GuardedBody guarded(body);
        const auto decoder = reading.make_decoder();
        return tests::decode_with(*decoder, guarded.view(), reading.dialect, {.precision = reading.precision});
    }
};
INSTANTIATE_TEST_SUITE_P(All, LoadFormat, testing::ValuesIn(readings), [](const auto& row) {
    std::string name(info_of(row.param.format).name);
    for (char& c : name) c = c == '-' ? '_' : c;
    return name;
});

// The value of a sample: of line protocol it stands beside the seq.
double value_of(const OwnedSample& sample) {
    if (sample.values.empty()) return std::strtod(sample.value.c_str(), nullptr);
    constexpr std::string_view before = R"({"value":)";
    EXPECT_TRUE(sample.values.starts_with(before)) << sample.values;
    return std::strtod(sample.values.c_str() + before.size(), nullptr);
}

// As `sluice-load verify` reads the layout `fields`.
std::optional<SampleMark> mark_of_entry(const OwnedSample& sample) {
    EntryFields fields;
    fields.device = sample.device_id;
    fields.values = sample.values;
    fields.metadata = sample.metadata;
    for (const auto& [name, value] : sample.others)
        if (name == "seq") fields.seq = value;
    return mark_of_fields(fields);
}

std::string replaced(std::string_view text, std::uint64_t seq) {
    std::string result(text);
    if (const auto at = result.find("SEQ"); at != std::string::npos) result.replace(at, 3, std::to_string(seq));
    return result;
}

TEST_P(LoadFormat, TheDecoderReadsWhatWasDrawn) {
    std::vector<DrawnSample> drawn;
    for (std::size_t i = 0; i < 300; ++i)
        drawn.push_back({.type_index = static_cast<std::uint8_t>(i % 4), .value = 15 + static_cast<double>(i) / 10});
    const auto writer = make_body_writer(GetParam().format, {.samples_count_max = 300, .device_bytes_max = 8});
    for (const std::uint64_t first_seq : {0ull, 4'294'967'000ull}) {
        const SampleBatch batch{"device-7", first_seq, time_ns, drawn};
        const Decoded decoded = decode(writer->write(batch));
        ASSERT_FALSE(decoded.body_refused);
        ASSERT_TRUE(decoded.refused.empty());
        ASSERT_EQ(decoded.samples.size(), drawn.size());
        for (std::size_t i = 0; i < drawn.size(); ++i) {
            const OwnedSample& sample = decoded.samples[i];
            EXPECT_EQ(sample.device_id, "device-7");
            EXPECT_EQ(sample.type, sample_types[i % 4]);
            EXPECT_EQ(sample.timestamp_ns, time_ns);
            EXPECT_EQ(sample.unit, GetParam().has_unit ? "celsius" : "");
            EXPECT_EQ(value_of(sample), drawn[i].value) << sample.raw;
            EXPECT_EQ(sample.metadata, replaced(GetParam().metadata, first_seq + i));
            for (const auto& mark : {mark_of_json(sample.raw), mark_of_entry(sample)}) {
                ASSERT_TRUE(mark.has_value()) << sample.raw;
                EXPECT_EQ(mark->device, "device-7");
                EXPECT_EQ(mark->seq, first_seq + i);
            }
        }
    }
}

TEST_P(LoadFormat, TheLongestBatchFits) {
    const std::string device(74, 'd');
    const std::vector<DrawnSample> drawn(50, {.type_index = 0, .value = -1.2345678901234567e-300});
    for (const std::size_t count : {std::size_t{1}, drawn.size()}) {
        const auto writer =
            make_body_writer(GetParam().format, {.samples_count_max = count, .device_bytes_max = device.size()});
        const SampleBatch batch{device, ~0ull - 100, std::int64_t{1} << 62, std::span(drawn).first(count)};
        EXPECT_LE(writer->write(batch).size(), writer->bytes_max());
    }
}

RequestSpec spec_of(BodyFormat format) {
    RequestSpec spec;
    spec.path = "/x";
    spec.host_header = "h";
    spec.format = format;
    spec.samples_count = 3;
    spec.devices_count = 20;
    return spec;
}

TEST_P(LoadFormat, NoRequestAllocates) {
    if (!tests::can_count_allocations()) GTEST_SKIP() << "a sanitizer replaces malloc itself";
    for (const ContentCoding coding : {ContentCoding::identity, ContentCoding::gzip}) {
        RequestSpec spec = spec_of(GetParam().format);
        spec.coding = coding;
        RequestRenderer renderer(spec);
        Devices devices(spec.devices_count, 0, 0, 1);
        Random random(1);
        RequestIdentity identity;
        std::vector<char> out(renderer.bytes_max());
        std::size_t sent_bytes = renderer.render(out.data(), devices, random, identity);
        const std::uint64_t before = tests::allocations_count();
        for (int i = 0; i < 200; ++i) sent_bytes += renderer.render(out.data(), devices, random, identity);
        EXPECT_EQ(tests::allocations_count(), before) << sent_bytes;
    }
}

TEST_P(LoadFormat, ARequestCarriesWhatItsIdentitySays) {
    const RequestSpec spec = spec_of(GetParam().format);
    RequestRenderer renderer(spec);
    ASSERT_FALSE(renderer.is_fixed());
    Devices devices(spec.devices_count, 0, 0, 1);
    Random random(1);
    std::vector<char> out(renderer.bytes_max());
    for (int i = 0; i < 300; ++i) {
        RequestIdentity identity;
        const std::string_view request(out.data(), renderer.render(out.data(), devices, random, identity));
        const std::size_t head_end = request.find("\r\n\r\n");
        ASSERT_NE(head_end, std::string_view::npos);
        const std::string_view body = request.substr(head_end + 4);
        ASSERT_TRUE(request.substr(0, head_end).ends_with("\r\nContent-Length: " + std::to_string(body.size())));
        const Decoded decoded = decode(body);
        ASSERT_EQ(decoded.samples.size(), 3u);
        for (std::size_t n = 0; n < 3; ++n) {
            const auto mark = mark_of_json(decoded.samples[n].raw);
            ASSERT_TRUE(mark.has_value());
            EXPECT_EQ(mark->device, (identity.device < 10 ? "device-0" : "device-") + std::to_string(identity.device));
            EXPECT_EQ(mark->seq, identity.first_seq + n);
            EXPECT_GE(value_of(decoded.samples[n]), 15);
            EXPECT_LE(value_of(decoded.samples[n]), 35);
        }
    }
}

TEST(LoadFormats, AreKnownByTheirNames) {
    for (const Reading& reading : readings) EXPECT_EQ(body_format_of(info_of(reading.format).name), reading.format);
    EXPECT_EQ(body_format_of("json"), BodyFormat::json);
    EXPECT_FALSE(body_format_of("xml").has_value());
    EXPECT_TRUE(format_names().starts_with("json, ndjson, influx, "));
}

TEST(LoadFormats, APathOfItsOwnStays) {
    const FormatInfo& influx = info_of(BodyFormat::influx);
    EXPECT_EQ(path_of(influx, "/"), "/write?db=telemetry");
    EXPECT_EQ(path_of(influx, "/?ack=queued"), "/write?db=telemetry&ack=queued");
    EXPECT_EQ(path_of(influx, "/influx/write?db=x"), "/influx/write?db=x");
    EXPECT_EQ(path_of(info_of(BodyFormat::otlp), "/?ack=queued"), "/v1/metrics?ack=queued");
}

TEST(LoadPartialSuccess, IsToldFromWholeSuccess) {
    using tests::Message;
    const std::string none = Message{}.message(1, Message{}.varint(1, 0).bytes(2, "a warning")).text();
    const std::string some = Message{}.message(1, Message{}.varint(1, 3)).text();
    struct {
        BodyFormat format;
        std::string_view body;
        bool is_whole;
    } const rows[]{
        {BodyFormat::otlp, "", true},
        {BodyFormat::otlp, none, true},
        {BodyFormat::otlp, some, false},
        {BodyFormat::otlp, "not protobuf", false},
        {BodyFormat::otlp_json, "{}", true},
        {BodyFormat::otlp_json, R"({"partialSuccess":{}})", true},
        {BodyFormat::otlp_json, R"({"partialSuccess":{"rejectedDataPoints":"0","errorMessage":"w"}})", true},
        {BodyFormat::otlp_json, R"({"partialSuccess":{"rejectedDataPoints":"2"}})", false},
        {BodyFormat::otlp_json, R"({"partialSuccess":{"rejectedDataPoints":2}})", false},
        {BodyFormat::otlp_json, "[]", false},
        {BodyFormat::json, R"({"partialSuccess":{"rejectedDataPoints":"2"}})", true},
        {BodyFormat::influx, "anything", true},
    };
    for (const auto& row : rows) EXPECT_EQ(is_whole_success(row.format, row.body), row.is_whole) << row.body;
}

TEST(LoadSampleMark, ASeqOfItsOwnComesFirst) {
    const auto mark = mark_of_json(R"({"device_id":"d","seq":1,"values":{"seq":2},"metadata":{"seq":"3"}})");
    ASSERT_TRUE(mark.has_value());
    EXPECT_EQ(mark->seq, 1u);
    EXPECT_EQ(mark_of_fields({.device = "d", .seq = "1", .values = R"({"seq":2})", .metadata = ""})->seq, 1u);
}

TEST(LoadSampleMark, IsNotInvented) {
    for (const char* text : {"", "1", "{}", R"({"device_id":"d"})", R"({"seq":1})", R"({"device_id":1,"seq":1})",
                             R"({"device_id":"d","seq":-1})", R"({"device_id":"d","seq":1.5})",
                             R"({"device_id":"d","metadata":{"seq":"1x"}})", R"({"device_id":"d","values":[1]})"})
        EXPECT_FALSE(mark_of_json(text).has_value()) << text;
    EXPECT_FALSE(mark_of_fields({.device = "", .seq = "1", .values = "", .metadata = ""}).has_value());
    EXPECT_FALSE(mark_of_fields({.device = "d", .seq = "x", .values = "[", .metadata = "{}"}).has_value());
}

}  // namespace
}  // namespace sluice::load
