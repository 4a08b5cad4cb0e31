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

TEST_F(ConnectionTime, AClientThatDoesNotRead) {
    harness.receive(get("/0"));
    ASSERT_NE(harness.connection.start_sending(harness.context), nullptr);
    harness.advance(19 * s);
    harness.receive(get("/1"));  // sending requests does not prolong it
    EXPECT_FALSE(harness.is_closed());
    harness.advance(1 * s);
    EXPECT_TRUE(harness.is_closed());
    EXPECT_EQ(harness.sent, "<close>");
    EXPECT_EQ(harness.counters.write_timeouts, 1u);
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

// The time is that of a whole response, in however many blocks it leaves; and each response has its own.
TEST_F(ConnectionTime, TheTimeToReadIsThatOfAResponse) {
    harness.answer_later();
    harness.receive(get("/"));
    harness.app.waiting[0].echo = std::string(2 * http::OutputBlock::capacity_bytes, 'x');
    harness.decide(0);
    ASSERT_NE(harness.connection.start_sending(harness.context), nullptr);
    harness.context.now_ns += 15 * s;
    harness.connection.on_block_sent(harness.context);
    ASSERT_NE(harness.connection.start_sending(harness.context), nullptr);
    EXPECT_EQ(harness.connection.deadline_ns(harness.context) - harness.context.now_ns, 5 * s);
    harness.connection.on_block_sent(harness.context);
    ASSERT_NE(harness.connection.start_sending(harness.context), nullptr);
    harness.context.now_ns += 4 * s;
    harness.connection.on_block_sent(harness.context);
    harness.receive(get("/next"));
    harness.decide(1);
    ASSERT_NE(harness.connection.start_sending(harness.context), nullptr);
    expect_deadline_in(20 * s);
    EXPECT_EQ(harness.sent, "<close>");
    EXPECT_EQ(harness.counters.write_timeouts, 1u);
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
    EXPECT_EQ(harness.counters.refusals[static_cast<std::size_t>(Refusal::ack_timeout)], 1u);
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
        harness.context.is_draining = true;
        harness.context.drain_begin_ns = harness.context.now_ns;
        harness.connection.drain(harness.context);
        harness.pump();
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
    harness.connection.drain(harness.context);  // the server asks again after each event
    harness.pump();
    EXPECT_EQ(responses(), (Responses{ok("GET /0? "), "<half-close>"}));
}

TEST_F(ConnectionDrain, ABegunRequestIsTheLast) {
    harness.feed(begun_body);
    drain();
    EXPECT_EQ(responses(), Responses{});
    harness.feed("12345" + get("/next"));
    EXPECT_NE(harness.sent.find("Connection: close\r\n"), std::string::npos);
    EXPECT_EQ(responses(), (Responses{ok("POST /? half12345"), "<half-close>"}));
    EXPECT_EQ(harness.app.requests_count, 1u);
}

TEST_F(ConnectionDrain, ABegunRequestMustArriveSoon) {
    for (const std::string_view part : {begun_body, begun_body.substr(0, 20)}) {
        harness.context.is_draining = false;
        harness.start_over();
        harness.feed(part);
        drain();
        expect_deadline_in(Connection::drain_patience_ns);
        EXPECT_EQ(responses().back(), "<half-close>") << part;
    }
}

}  // namespace
}  // namespace sluice
