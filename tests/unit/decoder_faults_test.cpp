// JsonDecoder: bodies and lines that are not JSON: refused as what, and at which byte. Every body lies in front of a
// guard page (tests/support/decoding).
// runs: release asan
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/decoding.hpp"
#include "tests/support/texts.hpp"

namespace sluice::tests {
namespace {

using parsers::BodyFormat;

constexpr std::string_view reference = tests::reference_sample;
using tests::repeated;
using tests::sample_with;

struct BodyCase {
    std::string body;
    Refusal refusal;
    std::size_t offset;
};

std::vector<BodyCase> broken_cases() {
    using enum Refusal;
    const std::size_t at = sample_with("").size();  // where a member's name begins; its value is behind `"x":`
    return {
        {sample_with("\"x\":tru"), invalid_json, at + 7},
        {sample_with("\"x\":nulll"), invalid_json, at + 8},
        {sample_with("\"x\":01"), invalid_json, at + 5},
        {sample_with("\"x\":1."), invalid_json, at + 6},
        {sample_with("\"x\":+1"), invalid_json, at + 4},
        {sample_with("\"x\":NaN"), invalid_json, at + 4},
        {sample_with("\"x\":-Infinity"), invalid_json, at + 5},
        {sample_with("\"metadata\":{\"a\":.5}"), invalid_json, at + 16},
        {sample_with("\"x\":\"\\x\""), invalid_json, at + 6},
        {sample_with("\"x\":\"\\ud800\""), invalid_json, at + 11},
        {sample_with("\"x\":\"\\ud800\\n\""), invalid_json, at + 12},
        {sample_with("\"x\":\"\\ud800\\u0041\""), invalid_json, at + 11},
        {sample_with("\"x\":\"\\ud800\\u00g1\""), invalid_json, at + 15},
        {sample_with("\"x\":\"\\udc00\\ud800\""), invalid_json, at + 5},
        {sample_with("\"x\":\"\\u12g4\""), invalid_json, at + 9},
        {sample_with("\"metadata\":{\"a\":\"\\ud800x\"}"), invalid_json, at + 23},
        {sample_with("\"x\":\"a\nb\""), invalid_json, at + 6},
        {sample_with("\"x\":\"a\xff\""), invalid_utf8, at + 6},
        {sample_with("\"x\":\"\xed\xa0\x80\""), invalid_utf8, at + 5},
        {sample_with("\"x\":[1,]"), invalid_json, at + 7},
        {sample_with("\"x\":" + repeated("[", 32) + repeated("]", 32)), json_too_deep, at + 4 + 31},
        {sample_with("") + "}", invalid_json, at},
        {sample_with("\"x\":{\"a\":1]"), invalid_json, at + 10},
        {sample_with("") + " x", invalid_json, at + 1},
        {sample_with("") + sample_with(""), several_values, at},
        {sample_with("") + " [" + sample_with("") + "]", several_values, at + 1},
    };
}

TEST(Decoder, RefusesTheBodyAtTheFaultOfItsJson) {
    for (const BodyCase& c : broken_cases()) {
        SCOPED_TRACE(c.body.substr(0, 200));
        const Decoded decoded = decode(c.body);
        EXPECT_TRUE(decoded.body_refused);
        EXPECT_EQ(info_of(decoded.body_refusal).code, info_of(c.refusal).code);
        EXPECT_EQ(decoded.body_offset, c.offset);
        const Decoded in_array = decode("[" + sample_with("") + "," + c.body + "]");
        EXPECT_TRUE(in_array.body_refused);
    }
}

TEST(Decoder, RefusesOnlyTheLineAtTheFaultOfItsJson) {
    for (const BodyCase& c : broken_cases()) {
        if (c.body.find('\n') != std::string::npos) continue;  // that makes two lines
        SCOPED_TRACE(c.body.substr(0, 200));
        const Decoded decoded =
            decode(sample_with("") + "\n" + c.body + "\n" + sample_with("") + "\n", BodyFormat::ndjson);
        EXPECT_EQ(decoded.samples.size(), 2u);
        ASSERT_EQ(decoded.refused.size(), 1u);
        const Refusal expected = c.refusal == Refusal::invalid_json     ? Refusal::malformed_record
                                 : c.refusal == Refusal::several_values ? Refusal::several_values_in_line
                                                                        : c.refusal;
        EXPECT_EQ(info_of(decoded.refused[0].refusal).code, info_of(expected).code);
        EXPECT_EQ(decoded.refused[0].index, 1u);
        EXPECT_EQ(decoded.refused[0].offset, sample_with("").size() + 1 + c.offset);
    }
}

TEST(Decoder, RefusesEveryTruncation) {
    for (std::size_t size = 0; size < reference.size(); ++size) {
        for (const char padding : {' ', '}', ']', '"', ',', '{', '[', '0', '\n', ':'}) {
            const std::string_view body = reference.substr(0, size);
            EXPECT_TRUE(decode(body, BodyFormat::json, {}, padding).body_refused) << body << padding;
            const Decoded lines = decode(body, BodyFormat::ndjson, {}, padding);
            EXPECT_TRUE(lines.samples.empty()) << body << padding;
            EXPECT_EQ(lines.refused.size(), size == 0 ? 0u : 1u) << body;
            const Decoded array =
                decode("[" + std::string(reference) + "," + std::string(body), BodyFormat::json, {}, padding);
            EXPECT_TRUE(array.body_refused) << body << padding;
        }
    }
}

// A control character is legal nowhere: wherever it stands, that is where the text breaks. And a text that ends too
// early breaks at its end.
TEST(Decoder, SaysAtWhichByteTheTextBreaks) {
    const std::string record =
        sample_with(R"("x":[-1.5e-3,{"a":"\u00e9\ud83d\ude00\n","b":[]},true,null],"metadata":{})");
    const std::string list = "[" + record + "," + record + "]";
    std::string in_windows = "[";  // longer than a window
    while (in_windows.size() < limits::decode_window_bytes) in_windows += record + ",";
    const std::size_t behind_windows = in_windows.size();
    in_windows += record + "]";
    parsers::JsonDecoder decoder;
    const auto offset_in = [&](const std::string& body, std::size_t at) {
        const std::string padded = body + std::string(limits::body_padding_bytes, ' ');
        const Decoded decoded = decode(decoder, std::string_view(padded).substr(0, body.size()), BodyFormat::json);
        EXPECT_TRUE(decoded.body_refused) << at;
        EXPECT_EQ(info_of(decoded.body_refusal).code, "invalid_json") << at;
        return decoded.body_offset;
    };
    for (std::string body : {record, list, in_windows}) {
        for (std::size_t at = body.size() > limits::decode_window_bytes ? behind_windows : 0; at < body.size(); ++at) {
            const char was = std::exchange(body[at], '\1');
            ASSERT_EQ(offset_in(body, at), at) << body.substr(0, 200);
            body[at] = was;
            if (at != 0) {
                ASSERT_EQ(offset_in(body.substr(0, at), at), at);
                ASSERT_EQ(offset_in(body.substr(0, at) + "\n", at), at);
            }
        }
    }
    for (std::size_t at = 0; at < record.size(); ++at) {
        std::string line = record;
        line[at] = '\1';
        const Decoded decoded = decode(record + "\n " + line + "\n" + record.substr(0, at), BodyFormat::ndjson);
        ASSERT_EQ(decoded.refused.size(), at == 0 ? 1u : 2u);
        EXPECT_EQ(decoded.refused[0].refusal, Refusal::malformed_record);
        ASSERT_EQ(decoded.refused[0].offset, record.size() + 2 + at);
        if (at != 0) {
            ASSERT_EQ(decoded.refused[1].offset, 2 * record.size() + 3 + at);
        }
    }
}

// What becomes of NDJSON whose line feeds are gone, or that is sent as JSON.
TEST(Decoder, SeveralValuesAreNamed) {
    std::string many;
    while (many.size() < 3 * limits::decode_window_bytes) many += sample_with("");
    std::string long_list = "[" + sample_with("");
    while (long_list.size() < 3 * limits::decode_window_bytes) long_list += "," + sample_with("");
    long_list += "]";
    const std::size_t first = sample_with("").size();
    for (const auto& [body, offset] : {std::pair{sample_with("") + sample_with(""), first},
                                       {sample_with("") + "\n" + sample_with("") + "\n", first + 1},
                                       {many, first},
                                       {"[" + sample_with("") + "][" + sample_with("") + "]", first + 2},
                                       {long_list + "\n" + sample_with(""), long_list.size() + 1}}) {
        const Decoded decoded = decode(body);
        EXPECT_TRUE(decoded.body_refused);
        EXPECT_EQ(info_of(decoded.body_refusal).code, "several_values");
        EXPECT_EQ(decoded.body_offset, offset);
        if (body.find('\n') != std::string::npos) continue;
        const Decoded lines = decode(sample_with("") + "\n" + body, BodyFormat::ndjson);
        EXPECT_EQ(lines.samples.size(), 1u);
        ASSERT_EQ(lines.refused.size(), 1u);
        EXPECT_EQ(info_of(lines.refused[0].refusal).code, "several_values_in_line");
        EXPECT_EQ(lines.refused[0].offset, first + 1 + offset);
    }
    EXPECT_EQ(decode(sample_with("") + std::string(100'000, ' ') + "x").body_refusal, Refusal::invalid_json);
    const std::string too_large = sample_with("\"x\":\"" + repeated("y", limits::sample_bytes_max) + '"');
    for (const std::string& line :
         {too_large, too_large + sample_with(""), sample_with("") + std::string(20'000, ' ') + "1"})
        EXPECT_EQ(decode(line, BodyFormat::ndjson).refused.at(0).refusal, Refusal::sample_too_large);
}

// The bytes behind the body are not the body: where simdjson's index ends, they must neither complete it
// nor lead the walk away.
TEST(Decoder, RefusesTruncatedBodiesThatEndInABracket) {
    const std::vector<std::string> bodies{
        "[[1]", "[[[1]", "[{\"a\":[1]", "{\"a\":{}", "{\"a\":[{}", "[" + sample_with("") + ",[1]", "[]]"};
    for (const std::string& body : bodies) {
        for (int padding = 1; padding < 128; ++padding) {
            EXPECT_TRUE(decode(body, BodyFormat::json, {}, static_cast<char>(padding)).body_refused) << body << padding;
            EXPECT_TRUE(decode(body, BodyFormat::ndjson, {}, static_cast<char>(padding)).samples.empty())
                << body << padding;
            EXPECT_EQ(decode(body + "\n" + sample_with(""), BodyFormat::ndjson, {}, static_cast<char>(padding))
                          .samples.size(),
                      1u);
        }
    }
}

TEST(Decoder, SurvivesDeepNesting) {
    constexpr std::size_t depth = 100'000;
    const std::vector<std::string> bodies{
        repeated("[", depth),        repeated("[", depth) + repeated("]", depth),
        repeated("{\"a\":", depth),  repeated("{\"a\":", depth) + "1" + repeated("}", depth),
        repeated("[{\"a\":", depth), sample_with("\"x\":" + repeated("[", depth) + repeated("]", depth)),
    };
    for (const std::string& body : bodies) {
        EXPECT_TRUE(decode(body).body_refused);
        const Decoded lines = decode(body + "\n" + std::string(reference), BodyFormat::ndjson);
        EXPECT_EQ(lines.refused.size(), 1u);
        EXPECT_EQ(lines.samples.size(), 1u);
    }
}

}  // namespace
}  // namespace sluice::tests
