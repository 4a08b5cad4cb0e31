// Samples as Protocol Buffers: fields of another type, and what is absent. tests/system/test_telemetry_protobuf.py has
// the fields and the refusals.
// runs: release asan
#include "parsers/telemetry/telemetry_decoder.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/support/decoding.hpp"
#include "tests/support/protobuf_text.hpp"

namespace sluice {
namespace {

using parsers::TelemetryMessage;
using tests::Message;

std::string records_of(const Message& body, TelemetryMessage kind) {
    const tests::GuardedBody guarded(body.text(), '\x0a');
    static parsers::TelemetryDecoder decoder;
    std::string text;
    const auto decoded = tests::decode_with(decoder, guarded.view(), static_cast<parsers::Dialect>(kind),
                                            {parsers::Precision::ns, 1'700'000'000'000'000'000});
    for (const auto& one : decoded.samples) text += one.raw + "\n";
    for (const auto& one : decoded.refused) text += std::string(info_of(one.refusal).code) + "\n";
    return text;
}

Message sample(const Message& value) { return Message().bytes(1, "d").bytes(2, "t").message(3, value).fixed64(6, 7); }

TEST(TelemetryDecoder, AFieldOfAnotherTypeIsAnUnknownOne) {
    const std::string expected = R"({"device_id":"d","type":"t","value":2.5,"timestamp":7})"
                                 "\n";
    for (const Message& unknown : {Message().varint(1, 1), Message().fixed64(2, 1), Message().bytes(3, "x"),
                                   Message().real(4, 1), Message().varint(5, 1), Message().bytes(9, "x")}) {
        const Message value = Message().real(1, 2.5);
        EXPECT_EQ(records_of(sample(Message(value).append(unknown)), TelemetryMessage::sample), expected);
        EXPECT_EQ(records_of(sample(Message(unknown).append(value)), TelemetryMessage::sample), expected);
    }
    EXPECT_EQ(records_of(sample(Message().varint(1, 1)), TelemetryMessage::sample), "bad_value\n");
}

TEST(TelemetryDecoder, OfANumberThatComesTwiceTheLastOneCounts) {
    const Message twice = sample(Message().real(1, 1)).varint(7, 56).varint(7, 3);
    EXPECT_EQ(records_of(twice, TelemetryMessage::sample),
              R"({"device_id":"d","type":"t","value":1.0,"timestamp":7,"priority":"HIGH"})"
              "\n");
    EXPECT_EQ(records_of(Message(twice).varint(7, 56), TelemetryMessage::sample), "bad_priority\n");
}

TEST(TelemetryDecoder, AnEmptyDeviceIsAnAbsentOne) {
    const Message of_batch = Message().message(1, sample(Message().real(1, 1)).bytes(1, "")).bytes(2, "batch");
    EXPECT_EQ(records_of(of_batch, TelemetryMessage::batch),
              R"({"device_id":"batch","type":"t","value":1.0,"timestamp":7})"
              "\n");
    EXPECT_EQ(records_of(sample(Message().real(1, 1)).bytes(1, ""), TelemetryMessage::sample), "missing_device_id\n");
}

}  // namespace
}  // namespace sluice
