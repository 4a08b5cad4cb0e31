// Connection and time: every deadline, what happens when it passes, and the drain. The clock is the test's.
// runs: release asan
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "engine/http/connection.hpp"
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

constexpr std::uint64_t s = HttpHarness::s;
constexpr std::string_view begun_body = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf";

class ConnectionTime : public testing::Test {
  protected:
    void TearDown() override { EXPECT_TRUE(harness.gives_everything_back()); }
    [[nodiscard]] Responses responses() { return tests::responses_in(harness.take_sent()); }

    // Whether nothing happens until `ns` from now, and the next nanosecond brings the deadline.
    void expect_deadline_in(std::uint64_t ns) {
        EXPECT_EQ(harness.connection.deadline_ns(harness.context) - harness.context.now_ns, ns);
        harness.advance(ns - 1);
        EXPECT_EQ(harness.sent, "");
        harness.advance(1);
    }

    // An answer of which the kernel takes nothing.
    void begin_sending() {
        harness.receive(get("/0"));
        ASSERT_NE(harness.connection.start_sending(harness.context), nullptr);
    }
    void expect_cut_off() {
        EXPECT_TRUE(harness.is_closed());
        EXPECT_EQ(harness.sent, "<close>");
        EXPECT_EQ(harness.counters.write_timeouts, 1u);
    }

    HttpHarness harness;
};

TEST_F(ConnectionTime, AnIdleConnectionEnds) {
    expect_deadline_in(75 * s);
    EXPECT_EQ(responses(), Responses{"<half-close>"});
    EXPECT_EQ(harness.counters.idle_timeouts, 1u);
    expect_deadline_in(Connection::linger_ns);
    EXPECT_TRUE(harness.is_closed());
}

TEST_F(ConnectionTime, IdleTimeCountsFromTheLastAnswer) {
    harness.advance(70 * s);
    harness.feed(get("/"));
    EXPECT_EQ(responses(), Responses{ok("GET /? ")});
    expect_deadline_in(75 * s);
    EXPECT_EQ(responses(), Responses{"<half-close>"});
}

TEST_F(ConnectionTime, EmptyLinesAreNoActivity) {
    harness.advance(70 * s);
    harness.feed("\r\n\r\n");
    expect_deadline_in(5 * s);
    EXPECT_EQ(responses(), Responses{"<half-close>"});
}

// Each byte is activity, and none of them prolongs the time for the whole header.
TEST_F(ConnectionTime, AHeaderThatTrickles) {
    harness.feed("G");
    const std::string rest = get("/").substr(1);
    for (int second = 1; second < 10; ++second) {
        harness.advance(1 * s);
        harness.feed(rest.substr(static_cast<std::size_t>(second) - 1, 1));
    }
    expect_deadline_in(1 * s);
    EXPECT_EQ(responses(), (Responses{refused(Refusal::header_timeout), "<half-close>"}));
    harness.feed(rest.substr(9));
    EXPECT_EQ(harness.app.requests_count, 0u);
}

TEST_F(ConnectionTime, ABodyThatTrickles) {
    harness.feed(begun_body.substr(0, 20));
    harness.advance(9 * s);
    harness.feed(begun_body.substr(20));
    for (int second = 1; second < 30; second += 9) {
        harness.advance(9 * s);
        harness.feed("b");
    }
    EXPECT_EQ(responses(), (Responses{refused(Refusal::body_timeout), "<half-close>"}));
    EXPECT_EQ(harness.app.requests_count, 0u);
}

TEST_F(ConnectionTime, TheTimeForABodyBeginsWithIt) {
    harness.feed(begun_body.substr(0, 20));
    harness.advance(9 * s);
    harness.feed(begun_body.substr(20));
    expect_deadline_in(30 * s);
    EXPECT_EQ(responses().front(), refused(Refusal::body_timeout));
}

TEST_F(ConnectionTime, TheNextRequestHasItsOwnTime) {
    harness.feed(begun_body);
    harness.advance(9 * s);
    harness.feed("12345");
    EXPECT_EQ(responses(), Responses{ok("POST /? half12345")});
    harness.advance(5 * s);
    harness.feed(begun_body);
    expect_deadline_in(30 * s);
    EXPECT_EQ(responses().front(), refused(Refusal::body_timeout));
}

// The kernel does not say what the client has read: the time runs from the beginning of the send.
TEST_F(ConnectionTime, AClientThatDoesNotRead) {
    begin_sending();
    for (int looks = 0; looks < 3; ++looks) harness.advance(5 * s);
    harness.receive(get("/1"));  // sending requests does not prolong it
    EXPECT_FALSE(harness.is_closed());
    harness.advance(5 * s);
    expect_cut_off();
}

// The first look finds what was not read. Nothing of it is read in the time that follows.
TEST_F(ConnectionTime, AClientThatStopsToReadIsCutOff) {
    begin_sending();
    harness.unread_bytes = 100'000;
    for (int looks = 0; looks < 4; ++looks) harness.advance(5 * s);
    EXPECT_FALSE(harness.is_closed());
    harness.advance(5 * s);
    expect_cut_off();
}

// However slowly: what it reads are earlier answers, which the kernel holds.
TEST_F(ConnectionTime, AClientThatReadsIsNotCutOff) {
    begin_sending();
    harness.unread_bytes = 100'000;
    for (int looks = 0; looks < 40; ++looks) {
        if (looks % 4 == 0) --*harness.unread_bytes;
        harness.advance(5 * s);
    }
    *harness.unread_bytes += 8'000;  // there was room for more of the block
    for (int looks = 0; looks < 4; ++looks) harness.advance(5 * s);
    EXPECT_EQ(harness.sent, "");
    EXPECT_EQ(harness.counters.write_timeouts, 0u);
    harness.advance(5 * s);
    expect_cut_off();
}

// Idle time is the time between requests: it neither cuts an answer short, nor begins before the answer was read.
TEST_F(ConnectionTime, AClientThatReadsSlowlyIsNotIdle) {
    harness.settings.idle_timeout_ns = 1 * s;
    harness.receive(get("/"));
    ASSERT_NE(harness.connection.start_sending(harness.context), nullptr);
    harness.advance(19 * s);
    EXPECT_EQ(harness.sent, "");
    harness.connection.on_block_sent(harness.context);
    expect_deadline_in(1 * s);
    EXPECT_EQ(responses(), Responses{"<half-close>"});
    EXPECT_EQ(harness.counters.write_timeouts, 0u);
}

// What the kernel takes is read soon: the time begins anew with each block.
TEST_F(ConnectionTime, EachBlockHasItsOwnTime) {
    harness.answer_later();
    harness.receive(get("/"));
    harness.app.waiting[0].echo = std::string(2 * http::OutputBlock::capacity_bytes, 'x');
    harness.decide(0);
    for (int blocks = 0; blocks < 2; ++blocks) {
        ASSERT_NE(harness.connection.start_sending(harness.context), nullptr);
        for (int looks = 0; looks < 3; ++looks) harness.context.now_ns += 5 * s;
        harness.connection.on_block_sent(harness.context);
    }
    ASSERT_NE(harness.connection.start_sending(harness.context), nullptr);
    for (int looks = 0; looks < 3; ++looks) harness.advance(5 * s);
    EXPECT_EQ(harness.sent, "");
    harness.advance(5 * s);
    expect_cut_off();
}

// A server that was stopped for a while finds the deadline passed, and a request in the kernel that came in time.
TEST_F(ConnectionTime, AnIdleConnectionWithInputDoesNotEnd) {
    harness.feed(get("/0"));
    harness.is_input_waiting = true;
    harness.advance(80 * s);
    EXPECT_EQ(responses(), Responses{ok("GET /0? ")});
    harness.is_input_waiting = false;
    harness.feed(get("/1"));
    EXPECT_EQ(responses(), Responses{ok("GET /1? ")});
    EXPECT_EQ(harness.counters.idle_timeouts, 0u);
}

TEST_F(ConnectionTime, AnAcknowledgementThatDoesNotCome) {
    harness.answer_later();
    harness.feed(get("/late"));
    harness.advance(30 * s);
    harness.feed(get("/in-time"));
    expect_deadline_in(10 * s);
    EXPECT_EQ(responses(), Responses{refused(Refusal::ack_timeout)});
    harness.decide(0);  // too late: nobody is found
    harness.pump();
    EXPECT_EQ(responses(), Responses{});
    harness.decide(1);
    harness.pump();
    EXPECT_EQ(responses(), Responses{ok("GET /in-time? ")});
    EXPECT_EQ(harness.counters.total().refusals[static_cast<std::size_t>(Refusal::ack_timeout)], 1u);
    EXPECT_EQ(harness.connection.state(), State::open) << "the stream is sound: the connection goes on";
}

TEST_F(ConnectionTime, PipelinedRequestsTimeOutTogether) {
    harness.answer_later();
    harness.feed(get("/0") + get("/1") + get("/2"));
    harness.decide(1);
    harness.advance(1 * s);
    harness.feed(get("/later"));
    expect_deadline_in(39 * s);
    EXPECT_EQ(responses(), (Responses{refused(Refusal::ack_timeout), ok("GET /1? "), refused(Refusal::ack_timeout)}));
    expect_deadline_in(1 * s);
    EXPECT_EQ(responses(), Responses{refused(Refusal::ack_timeout)});
}

TEST_F(ConnectionTime, ALateSettleDoesNotMeetTheNextRequestInItsPlace) {
    harness.answer_later();
    harness.feed(get("/late"));
    const RequestRef late = harness.app.waiting[0].ref;
    harness.advance(40 * s);
    harness.feed(get("/next"));
    const RequestRef next = harness.app.waiting[1].ref;
    EXPECT_EQ(late.index, next.index) << "the place is used again, or this test shows nothing";
    EXPECT_EQ(harness.pendings.find(late), nullptr);
    EXPECT_NE(harness.pendings.find(next), nullptr);
}

// While the application reads a body that it has kept, no time for the answer runs: neither alone, nor behind a request
// that times out.
TEST_F(ConnectionTime, TheTimeForAnAnswerBeginsWhenTheBodyIsRead) {
    harness.answer_later();
    harness.app.keeps_bodies = true;
    harness.feed(get("/before") + std::string(begun_body));
    harness.feed("12345");
    ASSERT_EQ(harness.app.waiting.size(), 2u);
    EXPECT_FALSE(harness.app.waiting[1].body.empty()) << "or this test shows nothing";
    expect_deadline_in(40 * s);
    EXPECT_EQ(responses(), Responses{refused(Refusal::ack_timeout)});
    harness.advance(1000 * s);
    EXPECT_EQ(responses(), Responses{});
    harness.connection.take_body_back(harness.context);
    expect_deadline_in(40 * s);
    EXPECT_EQ(responses(), Responses{refused(Refusal::ack_timeout)});
    EXPECT_EQ(harness.app.overdue.size(), 2u);
}

// The answer behind the one that timed out was ready: both leave.
TEST_F(ConnectionTime, ATimeoutLetsTheAnswersBehindItGo) {
    harness.answer_later();
    harness.feed(get("/0") + get("/1"));
    harness.decide(1);
    harness.advance(40 * s);
    EXPECT_EQ(responses(), (Responses{refused(Refusal::ack_timeout), ok("GET /1? ")}));
}

TEST(Connection, ATimeoutWithoutRoomForItsAnswerAborts) {
    HttpHarness harness({.pendings_count = 1});
    harness.feed("G");
    const http::PendingIndex other = harness.pendings.take();  // another connection's request
    harness.advance(10 * s);
    EXPECT_EQ(harness.sent, "<close>");
    EXPECT_EQ(harness.counters.aborted_connections, 1u);
    harness.pendings.give_back(other);
    EXPECT_TRUE(harness.gives_everything_back());
}

// --- drain -----------------------------------------------------------------------------------------------------------

class ConnectionDrain : public ConnectionTime {
  protected:
    void drain() {
        harness.context.phase = http::Phase::draining;
        harness.context.drain_begin_ns = harness.context.now_ns;
        harness.pump();
    }
    // Of each answer that was sent, whether it says that it is the last.
    [[nodiscard]] std::string closes() const {
        constexpr std::string_view begin = "HTTP/1.1 ";
        std::string said;
        for (std::size_t at = harness.sent.find(begin); at != std::string::npos;) {
            const std::size_t next = harness.sent.find(begin, at + 1);
            const bool is_last = harness.sent.substr(at, next - at).contains("\r\nConnection: close\r\n");
            said += is_last ? "close " : "- ";
            at = next;
        }
        return said;
    }
};

TEST_F(ConnectionDrain, AnIdleConnectionEndsAtOnce) {
    harness.feed(get("/"));
    drain();
    EXPECT_EQ(responses(), (Responses{ok("GET /? "), "<half-close>"}));
}

TEST_F(ConnectionDrain, ARequestThatWaitsIsAnswered) {
    harness.answer_later();
    harness.feed(get("/0"));
    drain();
    EXPECT_EQ(harness.connection.state(), State::open);
    harness.decide(0);
    harness.pump();
    EXPECT_EQ(closes(), "close ");
    EXPECT_EQ(responses(), (Responses{ok("GET /0? "), "<half-close>"}));
}

TEST_F(ConnectionDrain, AnIdleConnectionWithInputIsAnswered) {
    harness.feed(get("/0"));
    harness.is_input_waiting = true;
    drain();
    EXPECT_EQ(responses(), Responses{ok("GET /0? ")});
    harness.is_input_waiting = false;
    harness.feed(get("/1"));
    EXPECT_EQ(closes(), "close ");
    EXPECT_EQ(responses(), (Responses{ok("GET /1? "), "<half-close>"}));
}

// Only the last answer says close: what was pipelined behind a request is not lost with it.
TEST_F(ConnectionDrain, PipelinedRequestsAreAllAnswered) {
    harness.is_input_waiting = true;
    drain();
    harness.feed(get("/0") + get("/1"));
    EXPECT_EQ(responses(), Responses{ok("GET /0? ")}) << "the second is held back: it may be the last";
    harness.feed(get("/2").substr(0, 9));
    EXPECT_EQ(responses(), Responses{ok("GET /1? ")}) << "it is not";
    harness.feed(get("/2").substr(9) + get("/3"));
    harness.is_input_waiting = false;
    harness.pump();
    EXPECT_EQ(closes(), "- close ");
    EXPECT_EQ(responses(), (Responses{ok("GET /2? "), ok("GET /3? "), "<half-close>"}));
}

TEST_F(ConnectionDrain, PipelinedRequestsThatWaitAreAllAnswered) {
    harness.answer_later();
    harness.feed(get("/0") + get("/1") + get("/2"));
    drain();
    harness.answer_all();
    EXPECT_EQ(closes(), "- - close ");
    EXPECT_EQ(responses(), (Responses{ok("GET /0? "), ok("GET /1? "), ok("GET /2? "), "<half-close>"}));
}

// More of them than may wait at a time: those that are kept back come in their turn.
TEST_F(ConnectionDrain, RequestsBehindTooManyAreAnswered) {
    harness.answer_later();
    std::string pipeline;
    const std::size_t count = 3 * limits::pending_per_connection_count_max;
    for (std::size_t i = 0; i < count; ++i) pipeline += get("/" + std::to_string(i));
    harness.feed(pipeline);
    drain();
    for (std::size_t i = 0; i < 10; ++i) harness.answer_all();
    EXPECT_EQ(closes().size(), 2 * (count - 1) + std::string_view("close ").size());
    EXPECT_EQ(responses().size(), count + 1);
}

// Else the drain would wait for a client that sends its next request before each answer.
TEST_F(ConnectionDrain, AClientThatNeverStopsIsToldTo) {
    harness.is_input_waiting = true;
    drain();
    harness.feed(get("/0") + get("/1"));
    harness.context.now_ns += Connection::drain_grace_ns;
    harness.feed(get("/2") + get("/3"));
    EXPECT_EQ(closes(), "- - close ");
    EXPECT_EQ(responses(), (Responses{ok("GET /0? "), ok("GET /1? "), ok("GET /2? "), "<half-close>"}));
}

TEST_F(ConnectionDrain, AConnectionThatIsNewHasTimeToAsk) {
    harness.advance(Connection::drain_grace_ns / 2);
    drain();
    expect_deadline_in(Connection::drain_grace_ns / 2);
    EXPECT_EQ(responses(), Responses{"<half-close>"});
    harness.start_over();
    harness.advance(Connection::drain_grace_ns / 2);
    harness.feed(get("/"));
    EXPECT_EQ(closes(), "close ");
    EXPECT_EQ(responses(), (Responses{ok("GET /? "), "<half-close>"}));
    EXPECT_EQ(harness.counters.idle_timeouts, 0u);
}

TEST_F(ConnectionDrain, AClientThatHalfClosesGetsItsAnswer) {
    harness.is_input_waiting = true;
    drain();
    harness.feed(get("/"));
    EXPECT_EQ(responses(), Responses{});
    harness.end_stream();
    EXPECT_EQ(responses().front(), ok("GET /? "));
    EXPECT_TRUE(harness.is_closed());
}

TEST_F(ConnectionDrain, ARequestThatItsHeadRefusesIsTheLast) {
    drain();
    harness.app.refuses_heads = true;
    harness.feed(begun_body);
    EXPECT_EQ(closes(), "close ");
    EXPECT_EQ(responses(), (Responses{refused(Refusal::paused), "<half-close>"}));
}

// A lame duck serves as before, and tells its clients to leave. Who asks nothing is left alone.
TEST_F(ConnectionDrain, ALameDuckClosesBehindItsAnswers) {
    harness.context.phase = http::Phase::lame_duck;
    harness.pump();
    EXPECT_EQ(responses(), Responses{});
    expect_deadline_in(75 * s);
    harness.start_over();
    harness.feed(begun_body);
    harness.advance(29 * s);
    harness.feed("12345" + get("/next"));
    EXPECT_EQ(closes(), "- close ");
    EXPECT_EQ(responses(), (Responses{ok("POST /? half12345"), ok("GET /next? "), "<half-close>"}));
}

TEST_F(ConnectionDrain, WhoseBodyIsReadAtTheEndIsTold) {
    harness.answer_later();
    harness.app.keeps_bodies = true;
    harness.feed(begun_body);
    harness.feed("12345");
    drain();
    harness.connection.give_up(harness.context);
    harness.pump();
    EXPECT_EQ(closes(), "close ");
    EXPECT_EQ(harness.app.overdue.size(), 1u);
}

TEST_F(ConnectionDrain, WhoWaitsAtTheEndIsTold) {
    harness.answer_later();
    harness.feed(get("/0") + get("/1"));
    drain();
    harness.connection.give_up(harness.context);
    harness.pump();
    EXPECT_EQ(closes(), "- close ");
    EXPECT_EQ(responses(), (Responses{refused(Refusal::ack_timeout), refused(Refusal::ack_timeout), "<half-close>"}));
    harness.start_over();
    harness.feed(begun_body);
    harness.connection.give_up(harness.context);
    harness.pump();
    EXPECT_EQ(responses(), (Responses{refused(Refusal::draining), "<half-close>"}));
}

TEST_F(ConnectionDrain, ABegunRequestIsAnsweredAndWhatFollowsIt) {
    harness.feed(begun_body);
    drain();
    EXPECT_EQ(responses(), Responses{});
    harness.feed("12345" + get("/next"));
    EXPECT_EQ(closes(), "- close ");
    EXPECT_EQ(responses(), (Responses{ok("POST /? half12345"), ok("GET /next? "), "<half-close>"}));
}

TEST_F(ConnectionDrain, ABegunRequestMustArriveSoon) {
    for (const std::string_view part : {begun_body, begun_body.substr(0, 20)}) {
        harness.context.phase = http::Phase::serving;
        harness.start_over();
        harness.feed(part);
        drain();
        expect_deadline_in(harness.settings.drain_patience_ns);
        EXPECT_EQ(responses(), (Responses{refused(Refusal::draining), "<half-close>"})) << part;
    }
}

TEST_F(ConnectionDrain, ADrainDoesNotProlongTheTimeOfARequest) {
    harness.settings.drain_patience_ns = 100 * s;
    harness.feed(begun_body);
    harness.advance(29 * s);
    drain();
    expect_deadline_in(1 * s);
    EXPECT_EQ(responses(), (Responses{refused(Refusal::body_timeout), "<half-close>"}));
}

}  // namespace
}  // namespace sluice
