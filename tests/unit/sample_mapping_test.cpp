// What the configuration says of names, and of Sample::raw, in formats that are not JSON: which tag names the device,
// what is refused without one, what is kept, and that a sample is the same where nobody needs its record.
// runs: release asan
#include "engine/core/sample_mapping.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "parsers/influx/line_decoder.hpp"
#include "parsers/otlp/otlp_decoder.hpp"
#include "parsers/prometheus/remote_write_decoder.hpp"
#include "parsers/telemetry/telemetry_decoder.hpp"
#include "tests/support/config_texts.hpp"
#include "tests/support/decoding.hpp"
#include "tests/support/protobuf_text.hpp"

namespace sluice {
namespace {

using parsers::DecodeOptions;
using parsers::Precision;
using tests::decode_with;
using tests::Decoded;
using tests::GuardedBody;
using tests::Message;

constexpr std::int64_t arrival_ns = 1'700'000'123'456'789'012;

TEST(SampleMapping, OfADefaultConfigurationIsTheDefault) {
    const SampleMapping expected;
    const SampleMapping loaded = config::default_config().mapping;
    EXPECT_EQ(loaded.influx.device_tags, expected.influx.device_tags);
    EXPECT_EQ(loaded.influx.is_device_required, expected.influx.is_device_required);
    EXPECT_EQ(loaded.influx.precision, expected.influx.precision);
    EXPECT_EQ(loaded.influx.keeps_database, expected.influx.keeps_database);
    EXPECT_EQ(loaded.prometheus.device_labels, expected.prometheus.device_labels);
    EXPECT_EQ(loaded.otlp.device_attributes, expected.otlp.device_attributes);
    EXPECT_EQ(loaded.otlp.is_device_required, expected.otlp.is_device_required);
    EXPECT_EQ(loaded.otlp.keeps_resource, expected.otlp.keeps_resource);
}

// --- lines ---------------------------------------------------------------------------------------------------------

Decoded lines(std::string_view body, const SampleMapping& mapping, const DecodeOptions& options) {
    const GuardedBody guarded(body, '1');
    parsers::LineDecoder decoder(mapping);
    return decode_with(decoder, guarded.view(), 0, options);
}
Decoded lines(std::string_view body, const SampleMapping& mapping) {
    return lines(body, mapping, {.arrival_ns = arrival_ns});
}

TEST(SampleMapping, TagsOfLinesThatNameTheDevice) {
    SampleMapping mapping;
    mapping.influx.device_tags = {"serial", "host"};
    const Decoded decoded = lines("m,host=h,serial=s f=1\nm,host=h,device_id=d f=1\nm,device_id=d f=1", mapping);
    ASSERT_EQ(decoded.samples.size(), 3u);
    EXPECT_EQ(decoded.samples[0].device_id, "s");
    EXPECT_EQ(decoded.samples[1].device_id, "h");
    EXPECT_EQ(decoded.samples[2].device_id, "m");
}

TEST(SampleMapping, ATagIsNamedWithoutItsEscapes) {
    SampleMapping mapping;
    mapping.influx.device_tags = {"serial no"};
    const Decoded decoded = lines(R"(m,serial\ no=s\ 1 f=1)", mapping);
    ASSERT_EQ(decoded.samples.size(), 1u);
    EXPECT_EQ(decoded.samples[0].device_id, "s 1");
}

TEST(SampleMapping, ALineWithoutADeviceIsRefusedWhereOneIsRequired) {
    SampleMapping mapping;
    mapping.influx.is_device_required = true;
    const Decoded decoded = lines("m,host=h f=1\nm,rack=r f=1\nm,host=h f=2", mapping);
    EXPECT_EQ(decoded.samples.size(), 2u);
    ASSERT_EQ(decoded.refused.size(), 1u);
    EXPECT_EQ(decoded.refused[0].refusal, Refusal::missing_device_id);
    EXPECT_EQ(decoded.refused[0].index, 1u);
}

TEST(SampleMapping, PrecisionOfLinesByMagnitude) {
    constexpr std::string_view body =
        "m f=1 1700000123\nm f=1 1700000123456\nm f=1 1700000123456789\nm f=1 1700000123456789012";
    SampleMapping mapping;
    const Decoded as_ns = lines(body, mapping);
    ASSERT_EQ(as_ns.samples.size(), 4u);
    EXPECT_EQ(as_ns.samples[0].timestamp_ns, 1'700'000'123);
    mapping.influx.precision = InfluxPrecision::by_magnitude;
    const Decoded guessed = lines(body, mapping);
    ASSERT_EQ(guessed.samples.size(), 4u);
    EXPECT_EQ(guessed.samples[0].timestamp_ns, 1'700'000'123'000'000'000);
    EXPECT_EQ(guessed.samples[1].timestamp_ns, 1'700'000'123'456'000'000);
    EXPECT_EQ(guessed.samples[2].timestamp_ns, 1'700'000'123'456'789'000);
    EXPECT_EQ(guessed.samples[3].timestamp_ns, 1'700'000'123'456'789'012);
    // What the request says counts.
    const Decoded said = lines("m f=1 1700000123", mapping, {.precision = Precision::ns, .arrival_ns = arrival_ns});
    ASSERT_EQ(said.samples.size(), 1u);
    EXPECT_EQ(said.samples[0].timestamp_ns, 1'700'000'123);
}

TEST(SampleMapping, TheDatabaseIsKeptOrNot) {
    const Member others[]{{"db", "plant"}};
    const DecodeOptions options{.arrival_ns = arrival_ns, .others = others};
    SampleMapping mapping;
    const Decoded kept = lines("m f=1 5", mapping, options);
    ASSERT_EQ(kept.samples.size(), 1u);
    EXPECT_EQ(kept.samples[0].others.size(), 1u);
    mapping.influx.keeps_database = false;
    const Decoded left_out = lines("m f=1 5", mapping, options);
    ASSERT_EQ(left_out.samples.size(), 1u);
    EXPECT_EQ(left_out.samples[0].raw, R"({"device_id":"m","type":"m","values":{"f":1.0},"timestamp":5})");
    EXPECT_TRUE(left_out.samples[0].others.empty());
}

// --- remote write, OTLP --------------------------------------------------------------------------------------------

Message label(std::string_view name, std::string_view value) { return Message().bytes(1, name).bytes(2, value); }

std::string series_of(int count, std::string_view pod) {
    Message request;
    for (int i = 0; i < count; ++i)
        request.message(1, Message()
                               .message(1, label("__name__", "up"))
                               .message(1, label("instance", "a:9100"))
                               .message(1, label("pod", pod))
                               .message(2, Message().real(1, i).varint(2, 1'700'000'123'456)));
    return request.text();
}

TEST(SampleMapping, LabelsThatNameTheDevice) {
    SampleMapping mapping;
    mapping.prometheus.device_labels = {"pod", "instance"};
    const std::string body = series_of(1, "web-1");
    const GuardedBody guarded(body, '\x0a');
    parsers::RemoteWriteDecoder decoder(mapping);
    const Decoded decoded = decode_with(decoder, guarded.view(), 0);
    ASSERT_EQ(decoded.samples.size(), 1u);
    EXPECT_EQ(decoded.samples[0].device_id, "web-1");
}

Message attribute(std::string_view key, std::string_view value) {
    return Message().bytes(1, key).message(2, Message().bytes(1, value));
}

std::string points_of(int count) {
    Message gauge;
    for (int i = 0; i < count; ++i)
        gauge.message(1, Message().fixed64(3, 7).real(4, i).message(7, attribute("route", "/")));
    const Message scope_metrics =
        Message().message(1, Message().bytes(1, "app")).message(2, Message().bytes(1, "m").message(5, gauge));
    const Message resource = Message().message(1, attribute("host.name", "h")).message(1, attribute("rack", "r7"));
    return Message().message(1, Message().message(1, resource).message(2, scope_metrics)).text();
}

Decoded points(const std::string& body, const SampleMapping& mapping) {
    const GuardedBody guarded(body, '\x0a');
    parsers::OtlpDecoder decoder(mapping);
    return decode_with(decoder, guarded.view(), 0, {.arrival_ns = arrival_ns});
}

TEST(SampleMapping, AttributesThatNameTheDevice) {
    SampleMapping mapping;
    mapping.otlp.device_attributes = {"route", "rack"};
    Decoded decoded = points(points_of(1), mapping);
    ASSERT_EQ(decoded.samples.size(), 1u);
    EXPECT_EQ(decoded.samples[0].device_id, "/");
    mapping.otlp.device_attributes = {"serial", "rack"};
    decoded = points(points_of(1), mapping);
    ASSERT_EQ(decoded.samples.size(), 1u);
    EXPECT_EQ(decoded.samples[0].device_id, "r7");
    mapping.otlp.device_attributes = {"serial"};
    decoded = points(points_of(1), mapping);
    ASSERT_EQ(decoded.samples.size(), 1u);
    EXPECT_EQ(decoded.samples[0].device_id, "unknown");
    mapping.otlp.is_device_required = true;
    decoded = points(points_of(2), mapping);
    EXPECT_TRUE(decoded.samples.empty());
    ASSERT_EQ(decoded.refused.size(), 2u);
    EXPECT_EQ(decoded.refused[0].refusal, Refusal::missing_device_id);
}

TEST(SampleMapping, TheResourceIsKeptOrNot) {
    SampleMapping mapping;
    mapping.otlp.keeps_resource = false;
    const Decoded decoded = points(points_of(1), mapping);
    ASSERT_EQ(decoded.samples.size(), 1u);
    EXPECT_EQ(
        decoded.samples[0].raw,
        R"({"device_id":"h","type":"m","value":0.0,"timestamp":7,"metadata":{"route":"/"},"otlp":{"kind":"gauge"}})");
}

// --- where nobody needs records ------------------------------------------------------------------------------------

// The samples are the same, and so is what is refused; the first record is there for whoever shows one.
void expect_same_without_raw(parsers::Decoder& decoder, std::string_view body, parsers::Dialect dialect) {
    const GuardedBody guarded(body, '1');
    DecodeOptions options{.arrival_ns = arrival_ns};
    const Decoded whole = decode_with(decoder, guarded.view(), dialect, options);
    options.needs_raw = false;
    Decoded lean = decode_with(decoder, guarded.view(), dialect, options);
    ASSERT_EQ(lean.samples.size(), whole.samples.size());
    ASSERT_EQ(lean.refused.size(), whole.refused.size());
    ASSERT_GT(whole.samples.size(), 1u);
    EXPECT_EQ(lean.samples[0].raw, whole.samples[0].raw);
    for (std::size_t i = 0; i < lean.samples.size(); ++i) {
        // A large one is written, to see whether it fits.
        const bool is_small = whole.samples[i].raw.size() < limits::sample_bytes_max / 16;
        EXPECT_TRUE(i == 0 || lean.samples[i].raw.empty() == is_small);
        lean.samples[i].raw = whole.samples[i].raw;
        EXPECT_TRUE(is_same_sample(lean.samples[i], whole.samples[i]));
    }
    for (std::size_t i = 0; i < lean.refused.size(); ++i) EXPECT_EQ(lean.refused[i].refusal, whole.refused[i].refusal);
}

TEST(SampleMapping, ALineIsTheSameWithoutItsRecord) {
    // The record is longer than the line, whose floats get a point each: one is too large with and without it.
    std::string too_large = "m ";
    for (int i = 0; i < 1'000; ++i) too_large += (i == 0 ? "f" : ",f") + std::to_string(100'000'000 + i) + "=1";
    ASSERT_LT(too_large.size(), limits::sample_bytes_max);
    parsers::LineDecoder decoder;
    expect_same_without_raw(decoder, "m f=1 1\n" + too_large + "\nm,t=\xc3\xb6 s=\"a\tb\" 2\nbad\nm f=3 3", 0);
}

TEST(SampleMapping, ASeriesIsTheSameWithoutItsRecord) {
    parsers::RemoteWriteDecoder decoder;
    expect_same_without_raw(decoder, series_of(3, "web-1") + series_of(1, std::string(16'100, 'x')) + series_of(1, "b"),
                            0);
}

TEST(SampleMapping, APointIsTheSameWithoutItsRecord) {
    parsers::OtlpDecoder decoder;
    expect_same_without_raw(decoder, points_of(5), 0);
}

// The first sample of a body is refused when its record is read again: the next one is the first.
TEST(SampleMapping, TheFirstRecordIsThatOfASampleThatIsTaken) {
    const auto one = [](std::string_view device) {
        return Message().bytes(1, device).bytes(2, "t").message(3, Message().real(1, 5)).fixed64(6, 5);
    };
    const std::string batch =
        Message().message(1, one("a").bytes(9, R"({"b":)")).message(1, one("b")).message(1, one("c")).text();
    const GuardedBody guarded(batch, '1');
    parsers::TelemetryDecoder decoder;
    const Decoded decoded =
        decode_with(decoder, guarded.view(), static_cast<parsers::Dialect>(parsers::TelemetryMessage::batch),
                    {.arrival_ns = arrival_ns, .needs_raw = false});
    ASSERT_EQ(decoded.samples.size(), 2u);
    EXPECT_NE(decoded.samples[0].raw, "");
    EXPECT_EQ(decoded.samples[1].raw, "");
}

TEST(SampleMapping, AMessageOfOursIsTheSameWithoutItsRecord) {
    Message batch;
    for (int i = 0; i < 3; ++i)
        batch.message(1, Message().bytes(1, "d").bytes(2, "t").message(3, Message().real(1, i)).fixed64(6, 5));
    parsers::TelemetryDecoder decoder;
    expect_same_without_raw(decoder, batch.text(), static_cast<parsers::Dialect>(parsers::TelemetryMessage::batch));
}

}  // namespace
}  // namespace sluice
