// Connection in isolation: order of answers, back-pressure, 100-continue, the ends a connection can come to, deadlines,
// and pools that run out. After each test everything must have been given back to the pools.
// runs: release asan
#include "engine/http/connection.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/http_harness.hpp"
#include "tests/support/http_text.hpp"

namespace sluice {
namespace {

using http::Connection;
using State = http::Connection::State;
using tests::get;
using tests::HttpHarness;
using tests::ok;
using tests::post;
using tests::refused;
using tests::Responses;
using tests::responses_in;

class ConnectionTest : public testing::Test {
  protected:
    void TearDown() override { EXPECT_TRUE(harness.gives_everything_back()); }
    [[nodiscard]] Responses responses() { return responses_in(harness.take_sent()); }

    HttpHarness harness;
};

// --- answers -------------------------------------------------------------------------------------------------------

TEST_F(ConnectionTest, AnswersInTheOrderOfRequestsWhateverTheOrderOfDecisions) {
    harness.answer_later();
    harness.feed(get("/0") + get("/1") + get("/2"));
    harness.decide(2);
    harness.pump();
    EXPECT_EQ(responses(), Responses{});
    harness.decide(0);
    harness.pump();
    EXPECT_EQ(responses(), Responses{ok("GET /0? ")});
    harness.decide(1);
    harness.pump();
    EXPECT_EQ(responses(), (Responses{ok("GET /1? "), ok("GET /2? ")}));
    EXPECT_EQ(harness.app.responses_sent_count, 3u);
    EXPECT_EQ(harness.counters.total().requests, 3u);
    EXPECT_EQ(harness.counters.responses[2], 3u);
}

TEST_F(ConnectionTest, AnswersOfOneTurnLeaveInOneBlock) {
    harness.receive(get("/0") + get("/1") + get("/2"));
    EXPECT_TRUE(harness.send_block());
    EXPECT_FALSE(harness.send_block());
    EXPECT_EQ(harness.app.responses_sent_count, 3u);
}

TEST_F(ConnectionTest, ABlockThatIsBeingSentIsNotTouched) {
    harness.receive(get("/0"));
    const http::OutputBlock* sending = harness.connection.start_sending(harness.context);
    ASSERT_NE(sending, nullptr);
    const std::string before(sending->data, sending->end);
    harness.receive(get("/1"));
    EXPECT_EQ(harness.connection.start_sending(harness.context), nullptr);
    EXPECT_EQ(std::string(sending->data, sending->end), before);
    harness.connection.on_block_sent(harness.context);
    harness.pump();
    EXPECT_EQ(responses(), Responses{ok("GET /1? ")});
}

TEST_F(ConnectionTest, HeadIsAnsweredWithoutTheBody) {
    harness.feed("HEAD /h HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_NE(harness.sent.find("Content-Length: 9\r\n"), std::string::npos);
    EXPECT_EQ(responses_in(harness.take_sent(), true), Responses{"200"});
    harness.feed(get("/next"));
    EXPECT_EQ(responses(), Responses{ok("GET /next? ")});
}

TEST_F(ConnectionTest, AnIdleConnectionHoldsNothing) {
    harness.feed(post("/t", std::string(20'000, 'b')));
    EXPECT_TRUE(harness.connection.is_idle());
    EXPECT_TRUE(harness.pools_are_whole());
}

// --- keep-alive and close --------------------------------------------------------------------------------------------

TEST_F(ConnectionTest, KeepsAliveOrClosesAsAsked) {
    struct Row {
        std::string request;
        bool closes;
        bool says_keep_alive;
    };
    for (const Row& row :
         {Row{get("/"), false, false}, Row{get("/", "Connection: close\r\n"), true, false},
          Row{get("/", "Connection: keep-alive\r\n"), false, false}, Row{"GET / HTTP/1.0\r\n\r\n", true, false},
          Row{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false, true}}) {
        harness.start_over();
        harness.feed(row.request + get("/next"));
        const std::string sent = harness.take_sent();
        EXPECT_EQ(sent.find("Connection: close\r\n") != std::string::npos, row.closes) << row.request;
        EXPECT_EQ(sent.find("Connection: keep-alive\r\n") != std::string::npos, row.says_keep_alive) << row.request;
        EXPECT_EQ(responses_in(sent).back(), row.closes ? "<half-close>" : ok("GET /next? ")) << row.request;
        EXPECT_EQ(harness.app.requests_count, row.closes ? 1u : 2u) << row.request;
    }
}

TEST_F(ConnectionTest, ClosesAfterTheAnswersThatWait) {
    harness.answer_later();
    harness.feed(get("/0") + get("/1", "Connection: close\r\n") + get("/2"));
    EXPECT_EQ(harness.app.requests_count, 2u);
    EXPECT_EQ(harness.connection.state(), State::finishing);
    harness.decide(1);
    harness.pump();
    EXPECT_EQ(responses(), Responses{});
    harness.decide(0);
    harness.pump();
    EXPECT_EQ(responses(), (Responses{ok("GET /0? "), ok("GET /1? "), "<half-close>"}));
}

TEST_F(ConnectionTest, AFramingErrorIsAnsweredAndNothingReadAnyMore) {
    harness.feed(get("/good") + "GET / HTTP/1.1\r\n\r\n" + get("/smuggled"));
    EXPECT_EQ(responses(), (Responses{ok("GET /good? "), refused(Refusal::missing_host), "<half-close>"}));
    EXPECT_EQ(harness.connection.state(), State::lingering);
    EXPECT_TRUE(harness.connection.wants_input());  // to discard it: unread bytes would turn the close into a reset
    harness.feed(get("/smuggled"));
    EXPECT_EQ(responses(), Responses{});
    EXPECT_EQ(harness.app.requests_count, 1u);
    EXPECT_EQ(harness.counters.total().refusals[static_cast<std::size_t>(Refusal::missing_host)], 1u);
    EXPECT_EQ(harness.counters.responses[4], 1u);
}

TEST_F(ConnectionTest, AFramingErrorWaitsForTheAnswersBeforeIt) {
    harness.answer_later();
    harness.feed(get("/0") + "\r\nnonsense\r\n");
    EXPECT_EQ(responses(), Responses{});
    harness.decide(0);
    harness.pump();
    EXPECT_EQ(responses(), (Responses{ok("GET /0? "), refused(Refusal::malformed_request_line), "<half-close>"}));
}

// --- the client goes -------------------------------------------------------------------------------------------------

TEST_F(ConnectionTest, TheClientClosesBetweenRequests) {
    harness.feed(get("/"));
    harness.end_stream();
    EXPECT_EQ(responses(), (Responses{ok("GET /? "), "<close>"}));
}

TEST_F(ConnectionTest, TheClientClosesWithinARequest) {
    for (const std::string_view part :
         {"G", "GET / HTTP/1.1\r\nHo", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf"}) {
        harness.start_over();
        harness.feed(part);
        harness.end_stream();
        EXPECT_EQ(responses(), Responses{"<close>"}) << part;
        EXPECT_TRUE(harness.pools_are_whole()) << part;
    }
    EXPECT_EQ(harness.app.requests_count, 0u);
}

TEST_F(ConnectionTest, AClientThatHalfClosedStillGetsItsAnswers) {
    harness.answer_later();
    harness.feed(get("/0") + get("/1"));
    harness.end_stream();
    EXPECT_FALSE(harness.connection.wants_input());
    EXPECT_FALSE(harness.is_closed());
    harness.decide(1);
    harness.decide(0);
    harness.pump();
    EXPECT_EQ(responses(), (Responses{ok("GET /0? "), ok("GET /1? "), "<close>"}));
}

TEST_F(ConnectionTest, LingersUntilTheClientClosesToo) {
    harness.feed(get("/", "Connection: close\r\n"));
    EXPECT_FALSE(harness.is_closed());
    EXPECT_FALSE(harness.connection.takes_half_close(harness.context)) << "once is enough";
    harness.end_stream();
    EXPECT_EQ(responses(), (Responses{ok("GET /? "), "<half-close>", "<close>"}));
}

TEST_F(ConnectionTest, LingersForALimitedTime) {
    harness.feed(get("/", "Connection: close\r\n"));
    harness.advance(Connection::linger_ns - 1);
    harness.feed("more that is discarded");
    EXPECT_FALSE(harness.is_closed());
    harness.advance(1);
    EXPECT_TRUE(harness.is_closed());
}

TEST_F(ConnectionTest, GoneWithEverythingInItsHands) {
    harness.answer_later();
    const std::string long_path = "/decided" + std::string(1000, 'p');  // so that its answer needs a block
    harness.receive(get("/waiting") + get(long_path) + post("/t", std::string(20'000, 'b')).substr(0, 19'000));
    harness.decide(1);  // behind one that is not: its text stays with the request
    EXPECT_NE(harness.blocks.in_use_count(), 0u);
    EXPECT_NE(harness.bodies.in_use_bytes(), 0u);
    harness.connection.release(harness.context);
    EXPECT_TRUE(harness.pools_are_whole());
    harness.decide(0);  // settles late: finds nobody
    EXPECT_TRUE(harness.pools_are_whole());
}

TEST_F(ConnectionTest, GoneWithAStash) {
    harness.answer_later();
    std::string requests;
    for (std::size_t i = 0; i <= limits::pending_per_connection_count_max; ++i) requests += get("/");
    harness.receive(requests);
    EXPECT_TRUE(harness.connection.has_stash());
    harness.connection.release(harness.context);
    EXPECT_TRUE(harness.pools_are_whole());
}

TEST_F(ConnectionTest, DoesNotHalfCloseWhileItSends) {
    harness.receive(get("/", "Connection: close\r\n"));
    ASSERT_NE(harness.connection.start_sending(harness.context), nullptr);
    EXPECT_FALSE(harness.connection.takes_half_close(harness.context));
    harness.connection.on_block_sent(harness.context);
    EXPECT_TRUE(harness.connection.takes_half_close(harness.context));
}

TEST_F(ConnectionTest, GoneWhileSending) {
    harness.receive(get("/0"));
    ASSERT_NE(harness.connection.start_sending(harness.context), nullptr);
    harness.receive(get("/1"));
    harness.connection.release(harness.context);
    EXPECT_TRUE(harness.pools_are_whole());
}

// --- 100-continue ----------------------------------------------------------------------------------------------------

TEST(Connection, ThereIsNothingToGoOnWithWithoutABody) {
    for (const std::string_view length : {"", "Content-Length: 0\r\n"}) {
        HttpHarness harness;
        harness.feed("GET /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n" + std::string(length) + "\r\n");
        EXPECT_EQ(responses_in(harness.take_sent()), Responses{ok("GET /x? ")});
    }
}

constexpr std::string_view expecting_head =
    "POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n";

TEST_F(ConnectionTest, AsksForTheBodyThatWaits) {
    harness.feed(expecting_head);
    EXPECT_EQ(responses(), Responses{"100"});
    EXPECT_EQ(harness.app.heads_count, 1u);
    harness.feed("b");
    EXPECT_EQ(responses(), Responses{ok("POST /x? b")});
}

TEST_F(ConnectionTest, AsksOnlyAfterTheAnswersBefore) {
    harness.answer_later();
    harness.feed(get("/0") + std::string(expecting_head));
    EXPECT_EQ(responses(), Responses{});
    harness.decide(0);
    harness.pump();
    EXPECT_EQ(responses(), (Responses{ok("GET /0? "), "100"}));
    harness.feed("b");
    harness.decide(1);
    harness.pump();
    EXPECT_EQ(responses(), Responses{ok("POST /x? b")});
}

TEST_F(ConnectionTest, DoesNotAskForABodyThatCameUnasked) {
    harness.answer_later();
    harness.feed(get("/0") + std::string(expecting_head));
    harness.feed("b");
    harness.answer_all();
    EXPECT_EQ(responses(), (Responses{ok("GET /0? "), ok("POST /x? b")}));
    // Nor for the rest of one of which some came.
    harness.feed(get("/1") + "POST /y HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nb");
    harness.answer_all();
    EXPECT_EQ(responses(), Responses{ok("GET /1? ")});
}

TEST_F(ConnectionTest, RefusesABodyBeforeItIsSent) {
    harness.app.refuses_heads = true;
    harness.feed(expecting_head);
    EXPECT_NE(harness.sent.find("Connection: close\r\n"), std::string::npos);
    EXPECT_EQ(responses(), (Responses{refused(Refusal::paused), "<half-close>"}));
    harness.feed("b" + get("/smuggled"));
    EXPECT_EQ(harness.app.requests_count, 0u);
}

// --- refused by the head, without 100-continue
// -------------------------------------------------------------------------

std::string head_of(std::string_view framing) {
    return "POST /x HTTP/1.1\r\nHost: h\r\n" + std::string(framing) + "\r\n\r\n";
}

TEST_F(ConnectionTest, AnswersBeforeASmallBodyAndDiscardsIt) {
    harness.app.refuses_heads = true;
    harness.feed(head_of("Content-Length: 5") + "he");
    EXPECT_EQ(harness.sent.find("Connection: close"), std::string::npos);
    EXPECT_EQ(responses(), Responses{refused(Refusal::paused)});
    EXPECT_EQ(harness.bodies.in_use_bytes(), 0u) << "no memory is spent on it";
    EXPECT_EQ(harness.counters.total().refusals[static_cast<std::size_t>(Refusal::paused)], 1u);
    harness.app.refuses_heads = false;
    harness.feed("ll");
    harness.feed("o" + get("/next"));
    EXPECT_EQ(responses(), Responses{ok("GET /next? ")});
    EXPECT_EQ(harness.app.requests_count, 1u);
    harness.feed(head_of("Content-Length: 2"));
    harness.feed("hi");
    EXPECT_EQ(responses(), Responses{ok("POST /x? hi")});
}

TEST_F(ConnectionTest, DiscardsAChunkedBodyUpToABound) {
    harness.app.refuses_heads = true;
    harness.feed(head_of("Transfer-Encoding: chunked"));
    harness.feed("3\r\nabc\r\n0\r\n\r\n" + head_of("Transfer-Encoding: chunked"));
    EXPECT_EQ(responses(), (Responses{refused(Refusal::paused), refused(Refusal::paused)}));
    const std::string chunk = "4000\r\n" + std::string(0x4000, 'b') + "\r\n";
    for (std::size_t bytes = 0; bytes < limits::refused_body_bytes_max; bytes += 0x4000) harness.feed(chunk);
    EXPECT_EQ(harness.connection.state(), State::open);
    harness.feed(chunk);
    EXPECT_EQ(responses(), Responses{"<half-close>"}) << "it was answered already";
}

TEST_F(ConnectionTest, ClosesRatherThanReadALargeBody) {
    harness.app.refuses_heads = true;
    harness.feed(head_of("Content-Length: " + std::to_string(limits::refused_body_bytes_max + 1)));
    EXPECT_NE(harness.sent.find("Connection: close\r\n"), std::string::npos);
    EXPECT_EQ(responses(), (Responses{refused(Refusal::paused), "<half-close>"}));
    harness.feed(std::string(1000, 'b') + get("/smuggled"));
    EXPECT_EQ(harness.app.requests_count, 0u);
}

TEST_F(ConnectionTest, ABodyThatIsDiscardedHasNoSecondAnswer) {
    harness.app.refuses_heads = true;
    harness.feed(head_of("Transfer-Encoding: chunked"));
    harness.feed("no chunk\r\n");
    EXPECT_EQ(responses(), (Responses{refused(Refusal::paused), "<half-close>"}));
}

TEST_F(ConnectionTest, ABodyThatIsDiscardedMustComeInTime) {
    harness.app.refuses_heads = true;
    harness.feed(head_of("Content-Length: 5"));
    harness.advance(harness.settings.body_timeout_ns);
    EXPECT_EQ(responses(), (Responses{refused(Refusal::paused), "<half-close>"}));
}

TEST_F(ConnectionTest, ARequestThatCameWholeIsNotAskedAboutItsHead) {
    harness.feed(post("/x", "body"));
    EXPECT_EQ(harness.app.heads_count, 0u);
    harness.feed(head_of("Content-Length: 3") + "a");
    harness.feed("b");
    EXPECT_EQ(harness.app.heads_count, 1u) << "once for each request";
    harness.feed("c");
    EXPECT_EQ(responses(), (Responses{ok("POST /x? body"), ok("POST /x? abc")}));
}

// --- back-pressure ---------------------------------------------------------------------------------------------------

TEST_F(ConnectionTest, StopsReadingWhileTooManyRequestsWait) {
    constexpr std::size_t count_max = limits::pending_per_connection_count_max;
    harness.answer_later();
    std::string requests;
    for (std::size_t i = 0; i < count_max + 3; ++i) requests += get("/" + std::to_string(i));
    harness.feed(requests);
    EXPECT_EQ(harness.app.requests_count, count_max);
    EXPECT_TRUE(harness.connection.has_stash());
    EXPECT_FALSE(harness.connection.wants_input());
    harness.receive(get("/late"));  // was on its way already
    harness.decide(1);
    harness.pump();
    EXPECT_EQ(harness.app.requests_count, count_max) << "the first still waits";
    harness.decide(0);
    harness.pump();
    EXPECT_EQ(harness.app.requests_count, count_max + 2);
    EXPECT_TRUE(harness.connection.has_stash());
    harness.answer_all();
    EXPECT_FALSE(harness.connection.has_stash());
    EXPECT_TRUE(harness.connection.wants_input());
    EXPECT_EQ(responses().back(), ok("GET /late? "));
    EXPECT_EQ(harness.app.requests_count, count_max + 4);
    EXPECT_EQ(harness.bodies.in_use_bytes(), 0u);
}

TEST_F(ConnectionTest, StopsReadingWhileTheClientDoesNotRead) {
    const std::string request = post("/t", std::string(250, 'b'));
    std::string requests;
    for (int i = 0; i < 500; ++i) requests += request;
    harness.receive(requests);
    const std::size_t read_count = harness.app.requests_count;
    EXPECT_LT(read_count, 500u);
    EXPECT_TRUE(harness.connection.has_stash());
    // At the mark, plus one response.
    EXPECT_LE(harness.blocks.in_use_count() * http::OutputBlock::capacity_bytes,
              Connection::output_high_water_bytes + 2 * http::OutputBlock::capacity_bytes);
    harness.connection.resume(harness.context);
    EXPECT_EQ(harness.app.requests_count, read_count) << "nothing has left";
    harness.pump();
    EXPECT_EQ(harness.app.requests_count, 500u);
    EXPECT_EQ(responses().size(), 500u);
}

TEST_F(ConnectionTest, AStashIsReadToItsEndAfterTheClientHalfClosed) {
    harness.answer_later();
    std::string requests;
    for (std::size_t i = 0; i <= limits::pending_per_connection_count_max; ++i) requests += get("/");
    harness.feed(requests);
    harness.end_stream();
    EXPECT_EQ(harness.connection.state(), State::open);
    harness.answer_all();
    EXPECT_EQ(responses().size(), limits::pending_per_connection_count_max + 2);  // with <close>
    EXPECT_TRUE(harness.is_closed());
}

// The stash outgrows its block: what it held goes along.
TEST_F(ConnectionTest, AStashGrows) {
    harness.answer_later();
    std::string requests;
    for (std::size_t i = 0; i < limits::pending_per_connection_count_max; ++i) requests += get("/");
    harness.receive(requests);
    const std::size_t count = limits::pending_per_connection_count_max;
    for (int i = 0; i < 5; ++i)
        harness.receive(post("/" + std::to_string(i), std::string(7000, static_cast<char>('a' + i))));
    harness.answer_all();
    EXPECT_EQ(harness.app.requests_count, count + 5);
    const Responses answered = responses();
    ASSERT_EQ(answered.size(), count + 5);
    for (std::size_t i = 0; i < 5; ++i)
        EXPECT_TRUE(answered[count + i].starts_with("200 POST /" + std::to_string(i) + "? 7000 bytes, "));
}

TEST(Connection, StopsReadingWhileTheTableOfRequestsIsFull) {
    HttpHarness harness({.pendings_count = 2});
    harness.answer_later();
    harness.feed(get("/0") + get("/1") + post("/2", "body"));
    EXPECT_EQ(harness.app.requests_count, 2u);
    harness.answer_all();
    EXPECT_EQ(responses_in(harness.take_sent()), (Responses{ok("GET /0? "), ok("GET /1? "), ok("POST /2? body")}));
    EXPECT_TRUE(harness.gives_everything_back());
}

// --- pools run out ---------------------------------------------------------------------------------------------------

TEST(Connection, OutOfBodyMemoryIsRefused) {
    HttpHarness harness({.body_memory_bytes = 40'000});
    harness.feed(get("/good") + post("/t", std::string(50'000, 'b')).substr(0, 1000));
    EXPECT_EQ(responses_in(harness.take_sent()),
              (Responses{ok("GET /good? "), refused(Refusal::body_memory_full), "<half-close>"}));
    EXPECT_TRUE(harness.gives_everything_back());
}

TEST(Connection, OutOfBodyMemoryForChunksIsRefused) {
    HttpHarness harness({.body_memory_bytes = 40'000});
    harness.feed("POST /t HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n9c40\r\n" +
                 std::string(40'000, 'b') + "\r\n1\r\n");
    EXPECT_EQ(harness.take_sent(), "");
    harness.feed("b\r\n");
    EXPECT_EQ(responses_in(harness.take_sent()), (Responses{refused(Refusal::body_memory_full), "<half-close>"}));
    EXPECT_TRUE(harness.gives_everything_back());
}

TEST(Connection, AChunkBeyondTheBodyBoundIsRefusedWhenItIsAnnounced) {
    HttpHarness harness;
    harness.feed("POST /t HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n");
    EXPECT_EQ(responses_in(harness.take_sent()), (Responses{refused(Refusal::body_too_large), "<half-close>"}));
    EXPECT_TRUE(harness.gives_everything_back());
}

TEST(Connection, OutOfMemoryForStashedBytesAborts) {
    HttpHarness harness({.body_memory_bytes = 0, .pendings_count = 1});
    harness.answer_later();
    harness.feed(get("/0") + get("/1"));
    EXPECT_EQ(harness.take_sent(), "<close>");
    EXPECT_EQ(harness.counters.aborted_connections, 1u);
    EXPECT_TRUE(harness.gives_everything_back());
}

// With room for the text and not for its head, with room for half of both, and with none at all.
TEST(Connection, OutOfBlocksAbortsAndLeavesNoBlockBehind) {
    for (const std::size_t blocks_count : {0u, 1u, 2u}) {
        HttpHarness harness({.blocks_count = blocks_count});
        std::string requests;
        for (int i = 0; i < 200; ++i) requests += post("/t", std::string(250, 'b'));
        harness.receive(requests);
        harness.pump();
        EXPECT_TRUE(harness.is_closed()) << blocks_count;
        EXPECT_EQ(harness.counters.aborted_connections, 1u) << blocks_count;
        EXPECT_TRUE(harness.gives_everything_back());
    }
}

}  // namespace
}  // namespace sluice
