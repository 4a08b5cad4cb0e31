// However a stream of requests is cut into received pieces, the bytes that are answered are the same: every cut of
// every golden request, one byte at a time, and random cuts of random pipelines; answered at once, later, and out of
// order.
// runs: release asan
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <iostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/http_goldens.hpp"
#include "tests/support/http_harness.hpp"
#include "tests/support/seed.hpp"

namespace sluice {
namespace {

enum class Answers { at_once, at_the_end, reversed, alternating };

constexpr Answers all_answers[]{Answers::at_once, Answers::at_the_end, Answers::reversed, Answers::alternating};
constexpr std::string_view continue_response = "HTTP/1.1 100 Continue\r\n\r\n";

void set_answers(tests::HttpHarness& harness, Answers answers) {
    harness.app.answers_at_once = [answers](std::size_t index) {
        return answers == Answers::at_once || (answers == Answers::alternating && index % 2 == 0);
    };
}

// Feeds `bytes`, cut at `cuts` (ascending), to a new connection. Returns everything it said until its client left.
std::string transcript(tests::HttpHarness& harness, std::string_view bytes, const std::vector<std::size_t>& cuts,
                       Answers answers) {
    harness.start_over();
    set_answers(harness, answers);
    std::size_t begin = 0;
    for (const std::size_t cut : cuts) {
        harness.feed(bytes.substr(begin, cut - begin));
        begin = cut;
    }
    harness.feed(bytes.substr(begin));
    harness.answer_all(answers == Answers::reversed);
    harness.end_stream();
    return harness.take_sent();
}

std::vector<std::size_t> every_byte(std::size_t bytes) {
    std::vector<std::size_t> cuts;
    for (std::size_t cut = 1; cut < bytes; ++cut) cuts.push_back(cut);
    return cuts;
}

std::size_t count_of(std::string_view text, std::string_view what) {
    std::size_t count = 0;
    for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++count;
    return count;
}

// Short streams are cut at every byte, the few long ones (limits of the header) near both ends and at a prime stride.
bool is_cut_at(std::size_t cut, std::size_t bytes) {
    return bytes <= 4096 || cut <= 128 || bytes - cut <= 128 || cut % 61 == 0;
}

TEST(HttpSplit, EveryCutOfEveryGoldenRequest) {
    tests::HttpHarness harness({.body_bytes_max = tests::golden_body_bytes_max});
    for (const tests::HttpGolden& golden : tests::goldens::all()) {
        for (const Answers answers : all_answers) {
            const std::string whole = transcript(harness, golden.bytes, {}, answers);
            // One answer for each event: each of the goldens' events but `more` is said to the client.
            const std::size_t events_count = golden.events == "more" ? 0 : 1 + count_of(golden.events, " | ");
            ASSERT_EQ(count_of(whole, "\r\nDate: ") + count_of(whole, continue_response), events_count)
                << golden.name << "\n"
                << whole;
            for (std::size_t cut = 1; cut < golden.bytes.size(); ++cut) {
                if (!is_cut_at(cut, golden.bytes.size())) continue;
                ASSERT_EQ(transcript(harness, golden.bytes, {cut}, answers), whole)
                    << golden.name << ", cut at " << cut;
            }
            ASSERT_EQ(transcript(harness, golden.bytes, every_byte(golden.bytes.size()), answers), whole)
                << golden.name;
            ASSERT_TRUE(harness.is_closed()) << golden.name;
            ASSERT_TRUE(harness.pools_are_whole()) << golden.name;
        }
    }
}

// A request that is refused by its head is answered the same whether its body came with it or later: what is discarded
// of the body is exactly the body.
TEST(HttpSplit, EveryCutOfARequestThatIsRefusedByItsHead) {
    tests::HttpHarness harness({.body_bytes_max = tests::golden_body_bytes_max});
    harness.app.refuses_heads = true;
    for (const tests::HttpGolden& golden : tests::goldens::valid()) {
        const std::string whole = transcript(harness, golden.bytes, {}, Answers::at_once);
        for (std::size_t cut = 1; cut < golden.bytes.size(); ++cut) {
            if (!is_cut_at(cut, golden.bytes.size())) continue;
            ASSERT_EQ(transcript(harness, golden.bytes, {cut}, Answers::at_once), whole)
                << golden.name << ", cut at " << cut;
        }
        ASSERT_EQ(transcript(harness, golden.bytes, every_byte(golden.bytes.size()), Answers::at_once), whole)
            << golden.name;
        ASSERT_TRUE(harness.pools_are_whole()) << golden.name;
    }
}

// A request that fills several receive buffers and its own blocks: body collected, not viewed.
TEST(HttpSplit, LongBodiesAreCollectedWhole) {
    tests::HttpHarness harness;
    std::string body(100'000, ' ');
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 23);
    const std::string by_length = tests::goldens::post("Content-Length: 100000\r\n", body);
    std::string chunks;
    for (std::size_t at = 0; at < body.size(); at += 10'000) chunks += "2710\r\n" + body.substr(at, 10'000) + "\r\n";
    const std::string by_chunks = tests::goldens::chunked(chunks + "0\r\n\r\n");
    const std::string whole = transcript(harness, by_length, {}, Answers::at_once);
    EXPECT_NE(whole.find("POST /t? 100000 bytes, "), std::string::npos);
    for (const std::string& bytes : {by_length, by_chunks}) {
        for (const std::size_t piece : {1UL, 17UL, 4096UL, 16384UL, 65536UL}) {
            std::vector<std::size_t> cuts;
            for (std::size_t cut = piece; cut < bytes.size(); cut += piece) cuts.push_back(cut);
            EXPECT_EQ(transcript(harness, bytes, cuts, Answers::at_once), whole) << piece;
        }
    }
    EXPECT_TRUE(harness.pools_are_whole());
}

std::string without_continue(std::string text) {
    for (std::size_t at = text.find(continue_response); at != std::string::npos; at = text.find(continue_response, at))
        text.erase(at, continue_response.size());
    return text;
}

// Whether a client that is still waiting is told to go on depends on what arrived by then, as it should (RFC 9110
// section 10.1.1: a server may omit 100 if it has received part of the body); so that is left out of the comparison.
TEST(HttpSplit, RandomPipelinesAtRandomCuts) {
    const std::uint64_t seed = tests::test_seed();
    SCOPED_TRACE(tests::seed_trace(seed));
    std::cout << tests::seed_trace(seed) << "\n";
    std::mt19937_64 random(seed);
    const std::vector<tests::HttpGolden> valid = tests::goldens::valid();
    const std::vector<tests::HttpGolden> hostile = tests::goldens::hostile();
    const auto below = [&random](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
    tests::HttpHarness harness({.body_bytes_max = tests::golden_body_bytes_max});
    for (int round = 0; round < 300; ++round) {
        std::string bytes;
        for (std::size_t i = below(150); i-- > 0;) {
            const tests::HttpGolden& golden = valid[below(valid.size())];
            if (golden.events == "more" || golden.bytes.size() > 4096) continue;
            if (golden.events.find(" close ") != std::string::npos && below(10) != 0) continue;
            bytes += golden.bytes;
        }
        bytes += hostile[below(hostile.size())].bytes;
        const Answers answers = all_answers[below(std::size(all_answers))];
        const std::string whole = without_continue(transcript(harness, bytes, {}, answers));
        for (int repeat = 0; repeat < 8; ++repeat) {
            std::vector<std::size_t> cuts(below(40));
            for (std::size_t& cut : cuts) cut = below(bytes.size());
            std::sort(cuts.begin(), cuts.end());
            ASSERT_EQ(without_continue(transcript(harness, bytes, cuts, answers)), whole) << "round " << round;
        }
    }
    EXPECT_TRUE(harness.pools_are_whole());
}

}  // namespace
}  // namespace sluice
