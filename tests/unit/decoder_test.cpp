// JsonDecoder: what it accepts, what it refuses and as what, and what it does to hostile bodies. Every body
// lies in front of a guard page (tests/support/decoding).
// runs: release asan
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/allocation_counter.hpp"
#include "tests/support/decoding.hpp"
#include "tests/support/texts.hpp"

namespace sluice::tests {
namespace {

using parsers::BodyFormat;
using parsers::DecodeOptions;
using parsers::Precision;

constexpr std::int64_t reference_ns = 1'767'027'837'123'000'000;

constexpr std::string_view reference = tests::reference_sample;
using tests::repeated;
using tests::sample_with;

// --- what a sample becomes -------------------------------------------------------------------------------------

TEST(Decoder, ReadsEveryMemberOfTheReferencePayload) {
    const Decoded decoded = decode(reference);
    ASSERT_EQ(decoded.samples.size(), 1u);
    EXPECT_TRUE(decoded.is_single);
    const OwnedSample& sample = decoded.samples[0];
    EXPECT_EQ(sample.device_id, "sensor-17");
    EXPECT_EQ(sample.type, "temperature");
    EXPECT_EQ(sample.value, "27.30");  // as it came, not 27.3
    EXPECT_EQ(sample.unit, "celsius");
    EXPECT_EQ(sample.priority, Priority::medium);
    EXPECT_EQ(sample.timestamp_ns, reference_ns);
    EXPECT_EQ(sample.metadata, R"({"location":"zone-3","firmware_version":"2.3.1"})");
    EXPECT_EQ(sample.raw, reference);
    EXPECT_TRUE(sample.values.empty());
    EXPECT_TRUE(sample.others.empty());
}

TEST(Decoder, GivesTheArrivalTimeToASampleWithoutOne) {
    const Decoded decoded = decode(sample_with(""), BodyFormat::json, {.arrival_ns = 42});
    ASSERT_EQ(decoded.samples.size(), 1u);
    EXPECT_EQ(decoded.samples[0].timestamp_ns, 42);
}

TEST(Decoder, PrecisionOverridesTheMagnitudeOfNumbersOnly) {
    const DecodeOptions in_ms{.precision = Precision::ms};
    EXPECT_EQ(decode(sample_with(R"("timestamp":5)"), BodyFormat::json, in_ms).samples.at(0).timestamp_ns, 5'000'000);
    EXPECT_EQ(decode(sample_with(R"("timestamp":"2025-12-29T17:03:57.123Z")"), BodyFormat::json, in_ms)
                  .samples.at(0)
                  .timestamp_ns,
              reference_ns);
}

TEST(Decoder, KeepsUnknownMembersInOrderAndUnescaped) {
    const Decoded decoded = decode(sample_with(R"("b":"x\ny","a\u0041":[1, {"q":"\u00e9"}],"n":null,"":-0.50,"s":"")"));
    ASSERT_EQ(decoded.samples.size(), 1u);
    const std::vector<std::pair<std::string, std::string>> expected{
        {"b", "x\ny"}, {"aA", R"([1, {"q":"\u00e9"}])"}, {"n", "null"}, {"", "-0.50"}, {"s", ""}};
    EXPECT_EQ(decoded.samples[0].others, expected);
}

TEST(Decoder, ReadsEscapedSpellingsOfKnownMembers) {
    const Decoded decoded = decode(R"({"devi\u0063e_id":"d\u00e9\ud83d\ude00","t\u0079pe":"t","value":"a\u0000b"})");
    ASSERT_EQ(decoded.samples.size(), 1u);
    EXPECT_EQ(decoded.samples[0].device_id, "d\u00e9\U0001F600");
    EXPECT_EQ(decoded.samples[0].value, std::string("a\0b", 3));
}

TEST(Decoder, ReadsValuesInsteadOfTypeAndValue) {
    const Decoded decoded = decode(R"( { "device_id" : "d" , "values" : { "a" : 1 , "b" : true , "c" : "x" } } )");
    ASSERT_EQ(decoded.samples.size(), 1u);
    EXPECT_EQ(decoded.samples[0].values, R"({ "a" : 1 , "b" : true , "c" : "x" })");
    EXPECT_EQ(decoded.samples[0].raw, R"({ "device_id" : "d" , "values" : { "a" : 1 , "b" : true , "c" : "x" } })");
}

// --- refused records -----------------------------------------------------------------------------------------------

struct RecordCase {
    std::string body;
    Refusal refusal;
};

// NOLINTNEXTLINE(readability-function-size): a table
std::vector<RecordCase> record_cases() {
    using enum Refusal;
    const auto id = [](std::string_view json) {
        return R"({"type":"t","value":1,"device_id":)" + std::string(json) + "}";
    };
    const auto value = [](std::string_view json) {
        return R"({"device_id":"d","type":"t","value":)" + std::string(json) + "}";
    };
    const auto values = [](std::string_view json) { return R"({"device_id":"d","values":)" + std::string(json) + "}"; };
    std::string many = R"({"device_id":"d","type":"t","value":1)";
    for (int i = 0; i < 62; ++i) many += ",\"k" + std::to_string(i) + "\":1";
    std::string many_inner = R"("metadata":{"k":1)";
    for (int i = 0; i < 64; ++i) many_inner += ",\"k" + std::to_string(i) + "\":1";
    return {
        {R"({"invalid_field":"bad_data"})", missing_device_id},
        {R"({})", missing_device_id},
        {R"({"device_id":"d"})", missing_value},
        {R"({"device_id":"d","type":"t"})", missing_value},
        {R"({"device_id":"d","value":1})", missing_value},
        {R"({"device_id":"d","type":"t","value":1,"values":{"a":1}})", ambiguous_value},
        {R"({"device_id":"d","value":1,"values":{"a":1}})", ambiguous_value},
        {id("17"), bad_device_id},
        {id("null"), bad_device_id},
        {id("\"\""), bad_device_id},
        {id(R"("a\u0000b")"), bad_device_id},
        {id(R"("a\nb")"), bad_device_id},
        {id("\"a\x7f\""), bad_device_id},
        {id("\"longer than eight \x7f bytes\""), bad_device_id},
        {id("\"a\u0085\""), bad_device_id},
        {id('"' + repeated("x", 129) + '"'), bad_device_id},
        {sample_with(R"("timestamp":"yesterday")"), bad_timestamp},
        {sample_with(R"("timestamp":null)"), bad_timestamp},
        {sample_with(R"("timestamp":-1)"), bad_timestamp},
        {sample_with(R"("timestamp":true)"), bad_timestamp},
        {sample_with(R"("timestamp":{})"), bad_timestamp},
        {sample_with(R"("priority":"medium")"), bad_priority},
        {sample_with(R"("priority":1)"), bad_priority},
        {sample_with(R"("priority":"")"), bad_priority},
        {sample_with(R"("metadata":[])"), bad_metadata},
        {sample_with(R"("metadata":null)"), bad_metadata},
        {sample_with(R"("unit":1)"), bad_unit},
        {sample_with(R"("unit":"a\u0007")"), bad_unit},
        {sample_with("\"unit\":\"" + repeated("x", 65) + '"'), bad_unit},
        {R"({"device_id":"d","type":1,"value":1})", bad_type},
        {R"({"device_id":"d","type":"","value":1})", bad_type},
        {R"({"device_id":"d","type":"\u0000","value":1})", bad_type},
        {value("null"), bad_value},
        {value("{}"), bad_value},
        {value("[1]"), bad_value},
        {value("1e400"), number_out_of_range},
        {value("-1e400"), number_out_of_range},
        {value("18446744073709551616"), number_out_of_range},
        {value("-9223372036854775809"), number_out_of_range},
        {values("{}"), bad_values},
        {values("{ }"), bad_values},
        {values("[1]"), bad_values},
        {values("1"), bad_values},
        {values(R"({"a":null})"), bad_values},
        {values(R"({"a":1,"b":{"c":1}})"), bad_values},
        {values(R"({"a":[1]})"), bad_values},
        {values(R"({"a":1,"a":2})"), duplicate_member},
        {sample_with(R"("device_id":"e")"), duplicate_member},
        {sample_with(R"("\u0064evice_id":"e")"), duplicate_member},
        {sample_with(R"("x":1,"\u0078":2)"), duplicate_member},
        {sample_with(R"("metadata":{"a":1,"a":2})"), duplicate_member},
        {sample_with(R"("metadata":{"a":1,"\u0061":2})"), duplicate_member},
        {sample_with(R"("x":[{"y":{"z":1,"z":1}}])"), duplicate_member},
        {sample_with(R"("x":{"":1,"":2})"), duplicate_member},
        {sample_with(R"("x":[1e999])"), number_out_of_range},
        {many, too_many_members},
        {sample_with(many_inner + "}"), too_many_members},
        {sample_with("\"x\":\"" + repeated("y", limits::sample_bytes_max) + '"'), sample_too_large},
        {sample_with("\"x\":\"" + repeated("\\n", limits::sample_bytes_max) + '"'), sample_too_large},
        {"17", not_an_object},
        {"\"text\"", not_an_object},
        {"null", not_an_object},
    };
}

TEST(Decoder, RefusesRecordsForTheirOwnReason) {
    std::vector<RecordCase> cases = record_cases();
    for (RecordCase& c : cases)
        if (c.refusal == Refusal::too_many_members && c.body.back() != '}') c.body += "}";
    for (const RecordCase& c : cases) {
        for (const BodyFormat format : {BodyFormat::json, BodyFormat::ndjson}) {
            const Decoded decoded = decode(c.body, format);
            SCOPED_TRACE(c.body.substr(0, 200));
            EXPECT_FALSE(decoded.body_refused) << info_of(decoded.body_refusal).code;
            EXPECT_TRUE(decoded.samples.empty());
            ASSERT_EQ(decoded.refused.size(), 1u);
            EXPECT_EQ(info_of(decoded.refused[0].refusal).code, info_of(c.refusal).code);
        }
    }
}

TEST(Decoder, TakesWhatIsJustWithinTheLimits) {
    std::string members = R"("metadata":{"k":1)";
    for (int i = 0; i < 63; ++i) members += ",\"k" + std::to_string(i) + "\":1";
    members += "}";
    for (int i = 0; i < 60; ++i) members += ",\"m" + std::to_string(i) + "\":1";
    const std::vector<std::string> bodies{
        sample_with(members),
        sample_with("\"x\":" + repeated("[", 31) + repeated("]", 31)),
        sample_with("\"x\":\"" + repeated("y", limits::sample_bytes_max - sample_with(R"("x":"")").size()) + '"'),
        sample_with("\"unit\":\"" + repeated("x", 64) + '"'),
        sample_with(
            R"("a":18446744073709551615,"b":-9223372036854775808,"c":1.7976931348623157e308,"d":1e-400,"e":0e999)"),
        sample_with("\"x\":1" + repeated("0", 300) + ".5e-200"),
        "{\"type\":\"t\",\"value\":1,\"device_id\":\"" + repeated("x", 128) + "\"}",
    };
    for (const std::string& body : bodies) {
        for (const BodyFormat format : {BodyFormat::json, BodyFormat::ndjson}) {
            const Decoded decoded = decode(body, format);
            SCOPED_TRACE(body.substr(0, 200));
            EXPECT_EQ(decoded.samples.size(), 1u);
            if (!decoded.refused.empty()) ADD_FAILURE() << info_of(decoded.refused[0].refusal).code;
        }
    }
}

// --- bodies ----------------------------------------------------------------------------------------------------------

TEST(Decoder, EmptyBodies) {
    for (const std::string_view body : {"", " ", "\r\n\t ", "\xEF\xBB\xBF"}) {
        const Decoded decoded = decode(body);
        EXPECT_TRUE(decoded.body_refused);
        EXPECT_EQ(decoded.body_refusal, Refusal::empty_body);
        const Decoded lines = decode(body, BodyFormat::ndjson);
        EXPECT_FALSE(lines.body_refused);
        EXPECT_TRUE(lines.samples.empty() && lines.refused.empty());
    }
    EXPECT_FALSE(decode("[]").body_refused);
    EXPECT_FALSE(decode("[]").is_single);
}

TEST(Decoder, ArraysGiveOneRecordForEachElement) {
    const Decoded decoded = decode("[" + sample_with("") + ",1, {} ,[2,[3]]," + std::string(reference) + "]");
    EXPECT_FALSE(decoded.body_refused);
    ASSERT_EQ(decoded.samples.size(), 2u);
    EXPECT_EQ(decoded.samples[1].index, 4u);
    EXPECT_EQ(decoded.samples[1].raw, reference);
    ASSERT_EQ(decoded.refused.size(), 3u);
    EXPECT_EQ(decoded.refused[0].refusal, Refusal::not_an_object);
    EXPECT_EQ(decoded.refused[1].refusal, Refusal::missing_device_id);
    EXPECT_EQ(decoded.refused[1].offset, 1 + sample_with("").size() + 4);
    EXPECT_EQ(decoded.refused[2].refusal, Refusal::not_an_object);
}

TEST(Decoder, AByteOrderMarkIsTakenAtTheBeginningOnly) {
    const std::string mark = "\xEF\xBB\xBF";
    for (const BodyFormat format : {BodyFormat::json, BodyFormat::ndjson})
        EXPECT_EQ(decode(mark + sample_with(""), format).samples.size(), 1u);
    EXPECT_TRUE(decode(mark + mark + sample_with("")).body_refused);
    const std::string padding(limits::decode_window_bytes, ' ');  // an array in windows
    for (const std::string& body : {"[" + mark + sample_with("") + padding + "]",
                                    "[" + sample_with("") + "," + mark + sample_with("") + padding + "]",
                                    "[" + padding + mark + sample_with("") + "]"})
        EXPECT_TRUE(decode(body).body_refused) << body.size();
    EXPECT_FALSE(decode("[" + padding + sample_with("") + padding + "]").body_refused);
    const Decoded decoded = decode(sample_with("") + "\n" + mark + sample_with("") + "\n", BodyFormat::ndjson);
    EXPECT_EQ(decoded.samples.size(), 1u);
    ASSERT_EQ(decoded.refused.size(), 1u);
    EXPECT_EQ(decoded.refused[0].refusal, Refusal::malformed_record);
}

TEST(Decoder, LinesEndInEitherWayAndBlankOnesAreNotRecords) {
    const std::string sample = sample_with("");
    const Decoded decoded =
        decode("\n\r\n" + sample + "\r\n \t\n" + sample + "\n\n\n  " + sample + "  ", BodyFormat::ndjson);
    ASSERT_EQ(decoded.samples.size(), 3u);
    EXPECT_EQ(decoded.samples[2].index, 2u);
    EXPECT_TRUE(decoded.refused.empty());
    for (const OwnedSample& s : decoded.samples) EXPECT_EQ(s.raw, sample);
}

TEST(Decoder, ALineIsARecordAndARecordALine) {
    const std::string sample = sample_with("");
    const std::vector<std::string> faulty{sample + sample,
                                          sample + " " + sample,
                                          "{\"device_id\":\"d\",",
                                          "\"type\":\"t\",\"value\":1}",
                                          "[" + sample + "]",
                                          "{\"device_id\":\"unclosed",
                                          "}",
                                          "]",
                                          ",",
                                          "\"",
                                          "\\",
                                          "{",
                                          "["};
    for (const std::string& line : faulty) {
        SCOPED_TRACE(line);
        const Decoded decoded = decode(sample + "\n" + line + "\n" + sample + "\n" + line, BodyFormat::ndjson);
        EXPECT_EQ(decoded.samples.size(), 2u);
        EXPECT_EQ(decoded.refused.size(), 2u);
    }
}

TEST(Decoder, ManyWindowsOfLinesGiveEveryRecordOnce) {
    std::string body;
    constexpr std::uint32_t count = 3000;
    for (std::uint32_t i = 0; i < count; ++i) {
        if (i % 500 == 250) body += "{broken\n";
        if (i % 700 == 350) body += sample_with("\"x\":\"" + repeated("y", 70'000) + '"') + "\n";
        body += R"({"device_id":"d)" + std::to_string(i) + R"(","type":"t","value":1,"x":")" + repeated("z", i % 97) +
                "\"}\n";
    }
    const Decoded decoded = decode(body, BodyFormat::ndjson);
    ASSERT_EQ(decoded.samples.size(), count);
    for (std::uint32_t i = 0; i < count; ++i) EXPECT_EQ(decoded.samples[i].device_id, "d" + std::to_string(i));
    EXPECT_EQ(decoded.refused.size(), 6u + 4u);
    EXPECT_EQ(decoded.samples.back().index, count + 10u - 1);
}

// What a decoder holds does not grow with the longest body that it has read.
TEST(Decoder, ALongBodyReservesNothing) {
    if (!can_count_allocations()) GTEST_SKIP() << "does not apply: allocations cannot be counted under a sanitizer";
    const std::string list = "[" + repeated("1,", 4 * limits::mib) + "1]";
    const GuardedBody body(list);
    const GuardedBody lines(repeated("1\n", 4 * limits::mib));
    parsers::JsonDecoder decoder;
    const std::uint64_t before_count = allocations_count();
    for (const auto& [text, format] : {std::pair{body.view(), BodyFormat::json}, {lines.view(), BodyFormat::ndjson}}) {
        std::size_t records_count = 0;
        decoder.start(text, format, {});
        while (decoder.next() == parsers::Step::record_refused) ++records_count;
        EXPECT_GE(records_count, 4 * limits::mib);
    }
    EXPECT_EQ(allocations_count() - before_count, 0u);
}

TEST(Decoder, AllocatesNothingOnceItIsWarm) {
    if (!can_count_allocations()) GTEST_SKIP() << "does not apply: allocations cannot be counted under a sanitizer";
    const std::string broken = sample_with("\"x\":tru");
    std::vector<std::unique_ptr<GuardedBody>> bodies;
    for (const std::string& body : {std::string(reference), repeated(std::string(reference) + "\n", 1000),
                                    "[" + repeated(std::string(reference) + ",", 999) + std::string(reference) + "]",
                                    broken, repeated(std::string(reference) + "\n" + broken + "\n", 100),
                                    sample_with(R"("a\n":"\u00e9")"), repeated("[", 1000)})
        bodies.push_back(std::make_unique<GuardedBody>(body));
    parsers::JsonDecoder decoder;
    std::uint64_t after_warm_up_count = 0;
    std::size_t samples_count = 0;
    for (int round = 0; round < 3; ++round) {
        if (round == 1) after_warm_up_count = allocations_count();
        for (const auto& body : bodies) {
            for (const BodyFormat format : {BodyFormat::json, BodyFormat::ndjson}) {
                decoder.start(body->view(), format, {});
                for (parsers::Step step{}; step != parsers::Step::end && step != parsers::Step::body_refused;) {
                    step = decoder.next();
                    samples_count += step == parsers::Step::sample ? 1 : 0;
                }
            }
        }
    }
    EXPECT_EQ(allocations_count() - after_warm_up_count, 0u);
    EXPECT_GT(samples_count, 6000u);
}

}  // namespace
}  // namespace sluice::tests
