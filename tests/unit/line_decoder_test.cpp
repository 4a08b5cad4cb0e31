// InfluxDB line protocol: what each line becomes, which lines are refused and why, and that the canonical record of a
// line is the same sample when it is posted as JSON.
// runs: release asan
#include "parsers/influx/line_decoder.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/support/decoding.hpp"
#include "tests/support/texts.hpp"

namespace sluice {
namespace {

using parsers::LineDecoder;
using parsers::Precision;
using tests::decode_with;
using tests::Decoded;
using tests::GuardedBody;
using tests::OwnedSample;
using tests::repeated;

constexpr std::int64_t arrival_ns = 1'700'000'123'456'789'012;

// The bytes behind the body begin with what a decoder that reads too far would take for more of it.
Decoded decode_lines(std::string_view body, Precision precision = Precision::ns, char padding = '1') {
    const GuardedBody guarded(body, padding);
    LineDecoder decoder;
    return decode_with(decoder, guarded.view(), 0, {precision, arrival_ns});
}

void expect_same_sample(const OwnedSample& one, const OwnedSample& other) {
    EXPECT_EQ(one.device_id, other.device_id);
    EXPECT_EQ(one.type, other.type);
    EXPECT_EQ(one.value, other.value);
    EXPECT_EQ(one.value_kind, other.value_kind);
    EXPECT_EQ(one.values, other.values);
    EXPECT_EQ(one.metadata, other.metadata);
    EXPECT_EQ(one.timestamp_ns, other.timestamp_ns);
    EXPECT_EQ(one.raw, other.raw);
}

// The canonical record of each sample, read as JSON, is the sample.
void expect_canonical(const Decoded& decoded) {
    for (const OwnedSample& sample : decoded.samples) {
        SCOPED_TRACE(sample.raw);
        const Decoded again = tests::decode(sample.raw, parsers::BodyFormat::json, {Precision::ns, 5});
        ASSERT_EQ(again.samples.size(), 1u);
        expect_same_sample(sample, again.samples[0]);
    }
}

struct Row {
    std::string_view line, record;
};

TEST(LineDecoder, WhatALineBecomes) {
    const Row rows[] = {
        {"weather,location=us,host=a temperature=82.5,humid=3i 1465839830100400200",
         R"({"device_id":"a","type":"weather","values":{"temperature":82.5,"humid":3},"timestamp":1465839830100400200,"metadata":{"location":"us","host":"a"}})"},
        {"m f=1 5", R"({"device_id":"m","type":"m","values":{"f":1.0},"timestamp":5})"},
        {"m value=1 5", R"({"device_id":"m","type":"m","value":1.0,"timestamp":5})"},
        {"m value=\"a\\\"b\" 5", R"({"device_id":"m","type":"m","value":"a\"b","timestamp":5})"},
        {"m value=t 5", R"({"device_id":"m","type":"m","value":true,"timestamp":5})"},
        {"m value=1,x=2 5", R"({"device_id":"m","type":"m","values":{"value":1.0,"x":2.0},"timestamp":5})"},
        {"m,hostname=h,host=g,device=f,device_id=e f=1 5",
         R"({"device_id":"e","type":"m","values":{"f":1.0},"timestamp":5,"metadata":{"hostname":"h","host":"g","device":"f","device_id":"e"}})"},
        {"m,hostname=h,host=g f=1 5",
         R"({"device_id":"g","type":"m","values":{"f":1.0},"timestamp":5,"metadata":{"hostname":"h","host":"g"}})"},
        // Escapes of names: a backslash stays unless a special byte follows.
        {R"(a\,b\ c,k\=\,\ 1=v\ \=\,2 f\ \=\,=1 5)",
         R"({"device_id":"a,b c","type":"a,b c","values":{"f =,":1.0},"timestamp":5,"metadata":{"k=, 1":"v =,2"}})"},
        {R"(a\b,t=x\y f\g=1 5)",
         R"({"device_id":"a\\b","type":"a\\b","values":{"f\\g":1.0},"timestamp":5,"metadata":{"t":"x\\y"}})"},
        {R"(a\\,b\,c f=1 5)", R"({"device_id":"a\\,b,c","type":"a\\,b,c","values":{"f":1.0},"timestamp":5})"},
        {"a=b f=1 5", R"({"device_id":"a=b","type":"a=b","values":{"f":1.0},"timestamp":5})"},
        {"\"m\" f=1 5", R"({"device_id":"\"m\"","type":"\"m\"","values":{"f":1.0},"timestamp":5})"},
        {"größe,ort=köln f=\"°C\" 5",
         R"({"device_id":"größe","type":"größe","values":{"f":"°C"},"timestamp":5,"metadata":{"ort":"köln"}})"},
        // Strings: only \" and \\ are escapes, and line feeds are data.
        {"m f=\"a\\nb\\\\c\\\"\" 5", R"({"device_id":"m","type":"m","values":{"f":"a\\nb\\c\""},"timestamp":5})"},
        {"m f=\"a\nb\r\n#c\t\x01\" 5",
         R"({"device_id":"m","type":"m","values":{"f":"a\nb\r\n#c\t\u0001"},"timestamp":5})"},
        {"m f=\"\" 5", R"({"device_id":"m","type":"m","values":{"f":""},"timestamp":5})"},
        {"m f=\", = \" 5", R"({"device_id":"m","type":"m","values":{"f":", = "},"timestamp":5})"},
        // Blanks around the parts.
        {"  m   f=1   5   ", R"({"device_id":"m","type":"m","values":{"f":1.0},"timestamp":5})"},
        {"m f=1", R"({"device_id":"m","type":"m","values":{"f":1.0},"timestamp":1700000123456789012})"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.line);
        for (const std::string_view end : {"", "\n", "\r\n", "\r", "\n\n# comment\n"}) {
            const Decoded decoded = decode_lines(std::string(row.line) + std::string(end));
            ASSERT_TRUE(decoded.refused.empty()) << info_of(decoded.refused[0].refusal).code;
            ASSERT_EQ(decoded.samples.size(), 1u);
            EXPECT_EQ(decoded.samples[0].raw, row.record);
            expect_canonical(decoded);
        }
    }
}

TEST(LineDecoder, Numbers) {
    const Row rows[] = {
        {"12", "12.0"},
        {"1.", "1.0"},
        {".5", "0.5"},
        {"1.e5", "1.0e5"},
        {"1e+5", "1e+5"},
        {"-3", "-3.0"},
        {"-.5E-3", "-0.5E-3"},
        {"007", "7.0"},
        {"-0", "-0.0"},
        {"00.50", "0.50"},
        {"1e400", ""},
        {"-1e400", ""},
        {"1e-400", "1e-400"},
        {"0e999", "0e999"},
        {"0.0000001e5", "0.0000001e5"},
        {"12i", "12"},
        {"-12i", "-12"},
        {"-0i", "0"},
        {"007i", "7"},
        {"9223372036854775807i", "9223372036854775807"},
        {"9223372036854775808i", ""},
        {"-9223372036854775808i", "-9223372036854775808"},
        {"-9223372036854775809i", ""},
        {"18446744073709551615u", "18446744073709551615"},
        {"18446744073709551616u", ""},
        {"-1u", ""},
        {"5u", "5"},
        {"t", "true"},
        {"T", "true"},
        {"true", "true"},
        {"True", "true"},
        {"TRUE", "true"},
        {"f", "false"},
        {"F", "false"},
        {"false", "false"},
        {"False", "false"},
        {"FALSE", "false"},
        {"tRUE", ""},
        {"NaN", ""},
        {"nan", ""},
        {"Inf", ""},
        {"-inf", ""},
        {"+1", ""},
        {"0x1", ""},
        {"1_0", ""},
        {"--1", ""},
        {"1.2.3", ""},
        {"e5", ""},
        {"1e", ""},
        {"1e+", ""},
        {".", ""},
        {"-", ""},
        {"i", ""},
        {"-i", ""},
        {"1ii", ""},
        {"1.5i", ""},
        {"1iu", ""},
        {"", ""},
        {"text", ""},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.line);
        const Decoded decoded = decode_lines("m f=" + std::string(row.line) + " 5");
        if (row.record.empty()) {
            ASSERT_EQ(decoded.refused.size(), 1u);
            continue;
        }
        ASSERT_EQ(decoded.samples.size(), 1u);
        EXPECT_EQ(decoded.samples[0].values, "{\"f\":" + std::string(row.record) + "}");
        expect_canonical(decoded);
    }
    const std::string many_digits(400, '9');
    EXPECT_EQ(decode_lines("m f=" + many_digits).refused.size(), 1u) << "a double is at most 1.8e308";
    EXPECT_EQ(decode_lines("m f=0." + many_digits).samples.size(), 1u);
}

struct FaultRow {
    std::string line;
    Refusal refusal;
};

std::vector<FaultRow> faults() {
    using enum Refusal;
    return {
        {"m", missing_fields},
        {"m,t=1", missing_fields},
        {"m ", missing_fields},
        {"m,t=1 ", missing_fields},
        {",t=1 f=1", bad_measurement},
        {"m\\ f=1", missing_fields},
        {"m\\", bad_measurement},
        {"a\tb f=1", bad_measurement},
        {"m\t f=1", bad_measurement},
        {"m\x7F f=1", bad_measurement},
        {std::string("m\0 f=1", 7), bad_measurement},
        {std::string(129, 'm') + " f=1", bad_measurement},
        {"m, f=1", bad_tag},
        {"m,t f=1", bad_tag},
        {"m,t= f=1", bad_tag},
        {"m,=v f=1", bad_tag},
        {"m,t=a=b f=1", bad_tag},
        {"m,t=a,, f=1", bad_tag},
        {"m,t=a\tb f=1", bad_tag},
        {"m,t=a\\", bad_tag},
        {"m,a\\=b f=1", bad_tag},
        {"m,a=1,a=2 f=1", duplicate_member},
        {"m f", bad_field},
        {"m =1", bad_field},
        {"m f=1,", bad_field},
        {"m f=1,,g=2", bad_field},
        {"m f\t=1", bad_field},
        {"m f=", bad_field_value},
        {"m f=1 2 3", bad_line_timestamp},
        {"m f=\"a\"b", bad_field_value},
        {"m f=1,f=2", duplicate_member},
        {"m f=\"a", unclosed_string},
        {"m f=\"a\\\"", unclosed_string},
        {std::string("m f=\"a\0\"", 8), bad_field_value},
        {"m f=1 -1", bad_line_timestamp},
        {"m f=1 1.5", bad_line_timestamp},
        {"m f=1 x", bad_line_timestamp},
        {"m f=1 9223372036854775808", bad_line_timestamp},
        {"m f=1 +1", bad_line_timestamp},
        {"m f=1 1\t", bad_line_timestamp},
        {"m f=1e400", number_out_of_range},
        {"m f=99999999999999999999i", number_out_of_range},
        {"m\xFF f=1", malformed_line},
        {"m,t=\xC3 f=1", malformed_line},
        {"m f=\"\xED\xA0\x80\"", malformed_line},
        {"m,host=" + std::string(129, 'h') + " f=1", bad_device_id},
        {"m\xC2\x85 f=1", bad_measurement},
        {"m f=\"" + std::string(limits::sample_bytes_max, 'x') + "\"", sample_too_large},
        {"m f=\"" + std::string(5000, '\x01') + "\"", sample_too_large},
        {std::string(limits::sample_bytes_max + 1, 'm'), sample_too_large},
    };
}

TEST(LineDecoder, WhatIsRefusedAndWhy) {
    for (const FaultRow& row : faults()) {
        SCOPED_TRACE(row.line.substr(0, 80));
        const std::string body = "a f=1 1\n" + row.line + "\nb f=2 2\n";
        const Decoded decoded = decode_lines(body);
        ASSERT_EQ(decoded.refused.size(), 1u);
        EXPECT_EQ(info_of(decoded.refused[0].refusal).code, info_of(row.refusal).code);
        EXPECT_EQ(decoded.refused[0].index, 1u);
        EXPECT_EQ(decoded.refused[0].offset, 8u);
        // A quote that stays open takes what follows, up to where the next line is looked for.
        ASSERT_EQ(decoded.samples.size(), 2u);
        EXPECT_EQ(decoded.samples[1].type, "b");
    }
}

TEST(LineDecoder, ManyFieldsAndTags) {
    const auto line = [](std::size_t tags, std::size_t fields) {
        std::string text = "m";
        for (std::size_t i = 0; i < tags; ++i) text += ",t" + std::to_string(i) + "=v";
        for (std::size_t i = 0; i < fields; ++i) text += (i == 0 ? " f" : ",f") + std::to_string(i) + "=1i";
        return text + " 5";
    };
    const Decoded most = decode_lines(line(limits::members_count_max, limits::values_count_max));
    ASSERT_EQ(most.samples.size(), 1u);
    expect_canonical(most);
    ASSERT_EQ(decode_lines(line(limits::members_count_max + 1, 1)).refused.size(), 1u);
    EXPECT_EQ(decode_lines(line(limits::members_count_max + 1, 1)).refused[0].refusal, Refusal::too_many_members);
    ASSERT_EQ(decode_lines(line(0, limits::values_count_max + 1)).refused.size(), 1u);
    EXPECT_EQ(decode_lines(line(0, limits::values_count_max + 1)).refused[0].refusal, Refusal::too_many_values);
}

TEST(LineDecoder, Precisions) {
    struct PrecisionRow {
        Precision precision;
        std::int64_t factor_ns;
    };
    for (const PrecisionRow& row : {PrecisionRow{Precision::ns, 1},
                                    {Precision::us, 1'000},
                                    {Precision::ms, 1'000'000},
                                    {Precision::s, 1'000'000'000},
                                    {Precision::m, 60'000'000'000},
                                    {Precision::h, 3'600'000'000'000}}) {
        const Decoded decoded = decode_lines("m f=1 7\nm f=1", row.precision);
        ASSERT_EQ(decoded.samples.size(), 2u);
        EXPECT_EQ(decoded.samples[0].timestamp_ns, 7 * row.factor_ns);
        EXPECT_EQ(decoded.samples[1].timestamp_ns, arrival_ns - arrival_ns % row.factor_ns);
    }
    EXPECT_EQ(decode_lines("m f=1 9223372037", Precision::s).refused.size(), 1u);
    EXPECT_EQ(decode_lines("m f=1 9223372036", Precision::s).samples.size(), 1u);
}

TEST(LineDecoder, BodiesWithoutALine) {
    for (const std::string_view body : {"", "\n", "  ", "\r\n\r\n", "# only a comment", "#\n#\n \n"}) {
        const Decoded decoded = decode_lines(body);
        EXPECT_TRUE(decoded.samples.empty() && decoded.refused.empty() && !decoded.body_refused) << body;
    }
    const std::string blanks(3 * 1024 * 1024, '\n');
    EXPECT_EQ(decode_lines(blanks + "m f=1").samples.size(), 1u);
    EXPECT_EQ(decode_lines(repeated("#\n", 300'000) + "m f=1").samples.size(), 1u);
}

// Behind a line that is too large the search for its end knows its quotes, however far it is.
TEST(LineDecoder, ALineThatIsTooLargeEndsWhereItEnds) {
    const std::string large = "m f=\"" + repeated("line\nfeeds \\\" ", 100'000) + "\" 5\nb f=1 5";
    const Decoded decoded = decode_lines(large);
    ASSERT_EQ(decoded.refused.size(), 1u);
    EXPECT_EQ(decoded.refused[0].refusal, Refusal::sample_too_large);
    ASSERT_EQ(decoded.samples.size(), 1u);
    EXPECT_EQ(decoded.samples[0].type, "b");
}

// At every byte: a sample or a refusal, and nothing read behind the end.
TEST(LineDecoder, TruncatedAnywhere) {
    const std::string body = R"(m\ 1,host=a\,b,ort=köln f="x\"y\\",g=1.5e3,h=7i,i=t 1465839830100400200)";
    for (std::size_t size = 0; size <= body.size(); ++size)
        for (const char padding : {'1', '"', '\\', '\n', ','}) {
            const Decoded decoded = decode_lines(body.substr(0, size), Precision::ns, padding);
            EXPECT_EQ(decoded.samples.size() + decoded.refused.size(), size == 0 ? 0u : 1u) << size;
            expect_canonical(decoded);
        }
}

}  // namespace
}  // namespace sluice
