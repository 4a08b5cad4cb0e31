// Connection and bodies that the application keeps: until when they stay, and who hears that they are gone.
// runs: release asan
#include "engine/http/connection.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/http_harness.hpp"
#include "tests/support/http_text.hpp"
#include "tests/support/texts.hpp"

namespace sluice {
namespace {

using tests::get;
using tests::HttpHarness;
using tests::ok;
using tests::post;
using tests::repeated;
using tests::responses_in;

class ConnectionBody : public testing::Test {
  protected:
    void TearDown() override { EXPECT_TRUE(harness.gives_everything_back()); }
    [[nodiscard]] tests::Responses responses() { return responses_in(harness.take_sent()); }

    HttpHarness harness;
};

TEST_F(ConnectionBody, ABodyThatIsKeptStaysAndNothingElseIsRead) {
    harness.answer_later();
    harness.app.keeps_bodies = true;
    const std::string body(100'000, 'k');
    const std::string request = post("/kept", body);
    harness.feed(request.substr(0, 50'000));
    harness.feed(request.substr(50'000) + get("/next"));
    ASSERT_EQ(harness.app.waiting.size(), 1u);
    ASSERT_EQ(harness.app.waiting[0].body.size(), body.size());
    EXPECT_TRUE(harness.connection.has_stash());
    harness.receive(get("/more"));
    EXPECT_EQ(harness.app.waiting[0].body, body);
    EXPECT_EQ(harness.app.requests_count, 1u);
    harness.connection.take_body_back(harness.context);  // read, and not answered yet
    harness.pump();
    EXPECT_EQ(harness.app.requests_count, 3u);
    harness.answer_all();
    EXPECT_EQ(responses().size(), 3u);
    EXPECT_TRUE(harness.app.lost.empty());
}

TEST_F(ConnectionBody, AnAnswerTakesTheKeptBodyBack) {
    harness.answer_later();
    harness.app.keeps_bodies = true;
    harness.feed(post("/kept", std::string(100'000, 'k')) + get("/next"));
    harness.decide(0);
    harness.pump();
    EXPECT_EQ(harness.bodies.in_use_bytes(), 0u);
    EXPECT_EQ(harness.app.requests_count, 2u);
    harness.answer_all();
    EXPECT_EQ(responses().back(), ok("GET /next? "));
}

TEST_F(ConnectionBody, TheApplicationHearsThatAKeptBodyIsGone) {
    harness.answer_later();
    harness.app.keeps_bodies = true;
    harness.feed(post("/kept", std::string(100'000, 'k')));
    const RequestRef ref = harness.app.waiting[0].ref;
    harness.connection.release(harness.context);
    ASSERT_EQ(harness.app.lost.size(), 1u);
    EXPECT_EQ(harness.app.lost[0].index, ref.index);
    EXPECT_EQ(harness.app.lost[0].generation, ref.generation);
    EXPECT_TRUE(harness.pools_are_whole());
}

TEST_F(ConnectionBody, AKeptBodyEndsWithTheServer) {
    harness.answer_later();
    harness.app.keeps_bodies = true;
    harness.feed(post("/kept", std::string(100'000, 'k')) + get("/next"));
    harness.advance(40 * HttpHarness::s);
    EXPECT_TRUE(harness.app.overdue.empty()) << "no time runs while the body is kept";
    harness.connection.give_up(harness.context);
    ASSERT_EQ(harness.app.overdue.size(), 1u);
    EXPECT_EQ(harness.app.overdue[0].index, harness.app.waiting[0].ref.index);
    EXPECT_TRUE(harness.app.lost.empty());
}

// A body is taken if it fits the memory for bodies, whatever the size of its block is rounded to, and however it comes.
TEST(ConnectionBodyMemory, ABodyMayTakeAllTheBodyMemory) {
    constexpr std::size_t memory_bytes = 64 * limits::kib;
    for (const std::size_t bytes : {std::size_t{40'000}, memory_bytes}) {
        const std::string body(bytes, 'b');
        const std::string sized = post("/t", body);
        std::string chunked = "POST /t HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (std::size_t at = 0; at < bytes; at += 0x40) chunked += "40\r\n" + body.substr(at, 0x40) + "\r\n";
        chunked += "0\r\n\r\n";
        for (const std::string& request : {sized, chunked}) {
            HttpHarness harness({.body_memory_bytes = memory_bytes, .body_bytes_max = memory_bytes});
            for (std::size_t at = 0; at < request.size(); at += 5'000) harness.feed(request.substr(at, 5'000));
            const tests::Responses answers = responses_in(harness.take_sent());
            ASSERT_EQ(answers.size(), 1u);
            EXPECT_TRUE(answers[0].starts_with("200 POST /t? " + std::to_string(bytes) + " bytes, ")) << answers[0];
            EXPECT_TRUE(harness.gives_everything_back());
        }
    }
}

// Bytes that wait for a connection that is not read on take of the same memory, and may take all of it.
TEST(ConnectionBodyMemory, WhatWaitsMayTakeAllTheBodyMemory) {
    constexpr std::size_t memory_bytes = 50'000;  // 40,000 fit it once, but not beside a larger copy
    const std::string request = get("/");
    const std::string waiting = repeated(request, memory_bytes / request.size() + 1).substr(0, memory_bytes);
    for (const bool is_one_too_many : {false, true}) {
        HttpHarness harness({.body_memory_bytes = memory_bytes});
        harness.answer_later();
        harness.feed(repeated(request, limits::pending_per_connection_count_max));
        harness.feed(waiting.substr(0, 40'000));
        harness.feed(waiting.substr(40'000));
        EXPECT_EQ(harness.bodies.in_use_bytes(), memory_bytes);
        if (is_one_too_many) harness.feed("x");
        EXPECT_EQ(harness.is_closed(), is_one_too_many);
        harness.answer_all();
        const std::size_t served_count = is_one_too_many ? 0 : memory_bytes / request.size();
        EXPECT_EQ(harness.app.requests_count, limits::pending_per_connection_count_max + served_count);
        EXPECT_TRUE(harness.gives_everything_back());
    }
}

}  // namespace
}  // namespace sluice
