// Random bodies, half of them damaged, against simdjson's DOM and against the other body format; and through the
// encoder, whose output must be one command for each sample. A failure prints the seed that replays it.
// runs: release asan
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>
#include <hiredis/read.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "parsers/json/json_fault.hpp"
#include "parsers/json/json_text.hpp"
#include "sinks/redis/layout/encoder.hpp"
#include "tests/support/dom_reference.hpp"
#include "tests/support/seed.hpp"

namespace sluice::tests {
namespace {

using parsers::BodyFormat;

// Makes JSON texts: mostly samples, with odd spellings of everything that has several.
class Generator {
  public:
    explicit Generator(std::uint64_t seed) : random_(seed) {}

    std::size_t below(std::size_t bound) { return random_() % bound; }
    bool chance(std::size_t one_in) { return below(one_in) == 0; }

    std::string record() {
        std::string text = "{";
        std::vector<std::string> members{name("device_id") + string(true)};
        if (chance(3)) {
            members.push_back(name("values") + object(1));
        } else {
            members.push_back(name("type") + string(true));
            members.push_back(name("value") + (chance(3) ? value(1) : number()));
            if (chance(2)) members.push_back(name("unit") + string(true));
        }
        if (chance(2)) members.push_back(name("timestamp") + (chance(2) ? "\"2025-12-29T17:03:57.5Z\"" : number()));
        if (chance(2)) members.push_back(name("metadata") + object(1));
        if (chance(3))
            members.push_back(name("priority") + pick({"\"LOW\"", "\"MEDIUM\"", "\"HIGH\"", "\"L\\u004fW\""}));
        for (std::size_t i = below(4); i > 0; --i) members.push_back(name(word()) + value(1));
        if (chance(20)) members.push_back(members[below(members.size())]);
        std::shuffle(members.begin(), members.end(), random_);
        for (std::size_t i = 0; i < members.size(); ++i) text += (i == 0 ? "" : ",") + space() + members[i] + space();
        return text + "}";
    }

    // A few bytes changed, removed or put in.
    std::string damaged(std::string text) {
        static constexpr std::string_view bytes = "{}[]:,\"\\ \t\r\n0eE.-+tfnu\x01\x7f\xff\xc3\x80/";
        for (std::size_t i = 1 + below(3); i > 0 && !text.empty(); --i) {
            const std::size_t at = below(text.size());
            if (chance(3)) text.erase(at, 1 + below(3));
            else if (chance(2)) text[at] = bytes[below(bytes.size())];
            else text.insert(at, 1, bytes[below(bytes.size())]);
        }
        if (chance(8)) text.resize(below(text.size() + 1));
        return text;
    }

  private:
    std::string pick(std::initializer_list<const char*> choices) { return *(choices.begin() + below(choices.size())); }
    std::string space() { return chance(4) ? pick({" ", "\t", "  ", "\r"}) : ""; }
    std::string word() { return pick({"a", "b", "ts", "member.x", "", "zone", "firmware_version", "values2"}); }

    // `"name" :`, sometimes with an escaped letter.
    std::string name(std::string text) {
        if (chance(6) && !text.empty()) {
            std::array<char, 8> escape{};
            std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(text.back()));
            text.replace(text.size() - 1, 1, escape.data());
        }
        return '"' + text + '"' + space() + ':' + space();
    }

    std::string string(bool plain = false) {
        std::string text = "\"x";
        for (std::size_t i = below(12); i > 0; --i) {
            text += plain && !chance(40) ? pick({"a", "b", "-", "7", "\xc3\xa9", "\\u00e9", "\xf0\x9f\x98\x80"})
                                         : pick({"a", "\\n", "\\u0000", "\\ud83d\\ude00", "\\\\", "\\\"", "\\/", "\x7f",
                                                 "{", "]", ":", ","});
        }
        return text + '"';
    }

    std::string number() {
        return pick({"0", "-0", "1", "27.30", "-1.5e3", "1E+2", "1e-400", "0.1", "18446744073709551615",
                     "-9223372036854775808", "1767027837123", "123456789012345678901234567890.5", "1e308"});
    }

    std::string value(std::size_t depth) {
        if (depth < 5 && chance(3)) return object(depth + 1);
        if (depth < 5 && chance(4)) return array(depth + 1);
        return chance(2) ? string() : chance(2) ? number() : pick({"true", "false", "null"});
    }

    std::string object(std::size_t depth) {
        std::string text = "{" + space();
        for (std::size_t i = 0, count = below(4); i < count; ++i)
            text += (i == 0 ? "" : ",") + name(word() + std::to_string(chance(9) ? 0 : i)) +
                    (depth == 1 ? number() : value(depth));
        return text + space() + "}";
    }

    std::string array(std::size_t depth) {
        std::string text = "[" + space();
        for (std::size_t i = 0, count = below(4); i < count; ++i) text += (i == 0 ? "" : "," + space()) + value(depth);
        return text + space() + "]";
    }

    std::mt19937_64 random_;
};

constexpr int rounds_count = 20'000;

TEST(DecoderDifferential, AgreesWithTheDomOnRandomBodies) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE(seed_trace(seed));
    Generator generator(seed);
    std::size_t accepted_count = 0, refused_count = 0;
    for (int round = 0; round < rounds_count; ++round) {
        std::string body = generator.record();
        if (generator.chance(3)) body = "[" + body + "," + generator.record() + "]";
        if (generator.chance(2)) body = generator.damaged(std::move(body));
        const char padding = " }],\"{[0"[generator.below(8)];
        const Decoded decoded = decode(body, BodyFormat::json, {}, padding);
        const std::optional<std::string> complaint = difference_to_dom(body, decoded);
        ASSERT_FALSE(complaint) << *complaint << "\nround " << round << ", body: " << body;
        // Who says where a text breaks agrees with who says that it does.
        const bool is_list = body.find_first_not_of(" \t\r\n") == body.find('[');
        const parsers::JsonFault fault =
            parsers::find_json_fault(parsers::trim_end(body), limits::json_depth_max + (is_list ? 1 : 0));
        const bool is_broken = decoded.body_refused && is_fault_of_text(decoded.body_refusal) &&
                               decoded.body_refusal != Refusal::invalid_utf8;
        if (is_broken) {
            ASSERT_EQ(fault.offset, decoded.body_offset) << body;
        }
        if (is_broken || !decoded.body_refused) {
            ASSERT_EQ(fault.kind != parsers::JsonFault::Kind::none, is_broken) << body;
        }
        const std::optional<std::string> other =
            difference_to_line(body, decoded, decode(body, BodyFormat::ndjson, {}, padding));
        ASSERT_FALSE(other) << *other << "\nround " << round << ", body: " << body;
        accepted_count += decoded.samples.size();
        refused_count += decoded.body_refused ? 1 : 0;
    }
    EXPECT_GT(accepted_count, rounds_count / 10u) << "the generator makes too little that is valid";
    EXPECT_GT(refused_count, rounds_count / 10u) << "the generator makes too little that is broken";
}

TEST(DecoderDifferential, LinesFareTogetherAsTheyFareAlone) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE(seed_trace(seed));
    Generator generator(seed);
    for (int round = 0; round < 300; ++round) {
        std::string body;
        std::vector<std::string> alone;
        for (std::size_t i = 0; i < 40; ++i) {
            std::string line = generator.record();
            if (generator.chance(30)) line = generator.damaged(std::move(line));
            std::erase(line, '\n');
            const Decoded decoded = decode(line, BodyFormat::ndjson);
            if (!decoded.samples.empty()) alone.push_back(decoded.samples[0].raw);
            body += line + (generator.chance(5) ? "\r\n" : "\n");
        }
        std::vector<std::string> together;
        for (const OwnedSample& sample : decode(body, BodyFormat::ndjson).samples) together.push_back(sample.raw);
        ASSERT_EQ(together, alone) << "round " << round;
    }
}

std::vector<std::string> records_of(const Decoded& decoded) {
    std::vector<std::string> records;
    for (const OwnedSample& sample : decoded.samples)
        records.push_back(std::to_string(sample.index) + " " + sample.device_id + " " + sample.raw);
    for (const RefusedRecord& record : decoded.refused)
        records.push_back(std::to_string(record.index) + " " + std::string(info_of(record.refusal).code) + " at " +
                          std::to_string(record.offset));
    return records;
}

// An array is read the same whether it is indexed whole or in windows; and one that is broken is refused both ways.
TEST(DecoderDifferential, AnArrayInWindowsIsTheArray) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE(seed_trace(seed));
    Generator generator(seed);
    parsers::JsonDecoder whole(limits::mib);
    parsers::JsonDecoder in_windows(limits::sample_bytes_max + 100);
    int broken_count = 0;
    int multiple_count = 0;
    for (int round = 0; round < 60; ++round) {
        std::string body = generator.chance(20) ? " [ " : "[";
        for (int i = 0; i < 400; ++i) {
            std::string record = generator.record();
            if (generator.chance(3)) record = generator.chance(50) ? "17" : R"([{"a":1},{"b":"},{"}])";
            if (round % 2 == 1 && generator.chance(1)) record = generator.damaged(std::move(record));
            body += (i == 0 ? "" : generator.chance(5) ? " ,\n " : ",") + record;
        }
        body += generator.chance(20) ? "\n]\n" : "]";
        const GuardedBody guarded(body);
        const Decoded expected = decode(whole, guarded.view(), BodyFormat::json);
        const Decoded decoded = decode(in_windows, guarded.view(), BodyFormat::json);
        ASSERT_EQ(decoded.body_refused, expected.body_refused) << "round " << round;
        ASSERT_FALSE(decoded.is_single);
        multiple_count += body.size() > 3 * limits::sample_bytes_max ? 1 : 0;
        if (expected.body_refused) {
            ++broken_count;
            continue;
        }
        ASSERT_EQ(records_of(decoded), records_of(expected)) << "round " << round;
    }
    EXPECT_GT(multiple_count, 0);
    EXPECT_GT(broken_count, 0);
}

// Not JSON in the one place or the other, behind enough elements for several windows.
TEST(DecoderDifferential, LongArraysThatAreBroken) {
    const std::string record = R"({"device_id":"d","type":"t","value":1})";
    std::string elements;
    while (elements.size() < 3 * limits::sample_bytes_max) elements += (elements.empty() ? "" : ",") + record;
    struct Row {
        std::string body;
        Refusal refusal;
        std::size_t offset;
    };
    const std::size_t end = elements.size() + 1;
    for (const Row& row : {
             Row{"[" + elements, Refusal::invalid_json, end},
             {"[" + elements + ",", Refusal::invalid_json, end + 1},
             {"[" + elements + ",]", Refusal::invalid_json, end + 1},
             {"[" + elements + ",,1]", Refusal::invalid_json, end + 1},
             {"[" + elements + "}", Refusal::invalid_json, end},
             {"[" + elements + " {}]", Refusal::invalid_json, end + 1},
             {"[" + elements + "] x", Refusal::invalid_json, end + 2},
             {"[" + elements + "]]", Refusal::invalid_json, end + 1},
             {"[" + elements + ",{\"a\":tru}]", Refusal::invalid_json, end + 9},
             {"[" + elements + ",{\"a\":1]", Refusal::invalid_json, end + 7},
             {"[" + elements + "," + record.substr(0, 20), Refusal::invalid_json, end + 21},
             {"[" + elements + "]\n{}", Refusal::several_values, end + 2},
             {"[" + elements + ",\"\xff\"]", Refusal::invalid_utf8, end + 2},
             {"[" + elements + "," + std::string(40, '['), Refusal::json_too_deep, end + 33},
             {"[" + elements + ",\"" + std::string(2 * limits::sample_bytes_max, 'x') + "\"]",
              Refusal::sample_too_large, end + 1},
         }) {
        const GuardedBody guarded(row.body);
        parsers::JsonDecoder decoder(limits::sample_bytes_max + 100);
        const Decoded decoded = decode(decoder, guarded.view(), BodyFormat::json);
        const std::string tail = row.body.substr(std::min(end - 1, row.body.size())).substr(0, 60);
        EXPECT_TRUE(decoded.body_refused) << tail;
        EXPECT_EQ(info_of(decoded.body_refusal).code, info_of(row.refusal).code) << tail;
        EXPECT_EQ(decoded.body_offset, row.offset) << tail;
    }
}

// One value that is no list, and larger than any sample: refused without being read whole.
TEST(DecoderDifferential, LongLoneValues) {
    const std::string long_text(2 * limits::sample_bytes_max, 'x');
    struct Row {
        std::string body;
        Refusal refusal;
    };
    for (const Row& row :
         {Row{R"({"device_id":")" + long_text + "\"}", Refusal::sample_too_large},
          Row{"\"" + long_text + "\"", Refusal::sample_too_large}, Row{"{} " + long_text, Refusal::invalid_json},
          Row{"{}{" + long_text, Refusal::several_values}, Row{"{]{" + long_text, Refusal::invalid_json},
          Row{"}" + long_text, Refusal::invalid_json}, Row{std::string(100'000, '['), Refusal::json_too_deep},
          Row{std::string(100, '{') + long_text, Refusal::json_too_deep}}) {
        const GuardedBody guarded(row.body);
        parsers::JsonDecoder decoder(limits::sample_bytes_max + 100);
        const Decoded decoded = decode(decoder, guarded.view(), BodyFormat::json);
        EXPECT_TRUE(decoded.body_refused) << row.body.substr(0, 20);
        EXPECT_EQ(info_of(decoded.body_refusal).code, info_of(row.refusal).code) << row.body.substr(0, 20);
    }
}

// Whatever white space a record was written with, `raw` is one line.
TEST(DecoderDifferential, RawIsOneLine) {
    const std::string record = "{\r\n  \"device_id\": \"d\\u00e4\",\n\t\"type\":\"t\",\n\"value\":1\r}";
    std::string one_line = record;
    for (char& c : one_line) c = c == '\n' || c == '\r' ? ' ' : c;
    for (const std::string& body : {record, "[" + record + ",\n" + record + "]"}) {
        const Decoded decoded = decode(body, BodyFormat::json);
        ASSERT_FALSE(decoded.samples.empty());
        for (const OwnedSample& sample : decoded.samples) EXPECT_EQ(sample.raw, one_line);
    }
}

TEST(DecoderDifferential, EverySampleIsRenderedAsOneCommand) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE(seed_trace(seed));
    Generator generator(seed);
    std::string body;
    for (int i = 0; i < 500; ++i) body += generator.record() + "\n";
    const GuardedBody guarded(body);
    const auto encoder = sinks::make_redis_encoder({});
    std::vector<char> arena(limits::batch_arena_bytes_max);
    const auto batch = std::make_unique<Batch>();
    batch->bind(arena, 0);
    parsers::JsonDecoder decoder;
    decoder.start(guarded.view(), BodyFormat::ndjson, {});
    for (parsers::Step step = decoder.next(); step != parsers::Step::end; step = decoder.next())
        if (step == parsers::Step::sample) {
            ASSERT_TRUE(encoder->append(*batch, decoder.sample()));
        }
    ASSERT_GT(batch->command_count(), 100u);
    const std::unique_ptr<redisReader, void (*)(redisReader*)> reader(redisReaderCreate(), redisReaderFree);
    ASSERT_EQ(redisReaderFeed(reader.get(), batch->bytes().data(), batch->bytes().size()), REDIS_OK);
    for (std::uint32_t i = 0; i < batch->command_count(); ++i) {
        void* reply = nullptr;
        ASSERT_EQ(redisReaderGetReply(reader.get(), &reply), REDIS_OK);
        ASSERT_NE(reply, nullptr);
        const auto words_count = static_cast<redisReply*>(reply)->elements;
        EXPECT_TRUE(words_count >= 9 && words_count % 2 == 1) << words_count;
        freeReplyObject(reply);
    }
    EXPECT_EQ(reader->pos, reader->len);
}

}  // namespace
}  // namespace sluice::tests
