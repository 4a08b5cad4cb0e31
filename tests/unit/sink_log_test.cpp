// SinkLog: which lines a sink's ups and downs leave, and how many.
// runs: release asan tsan
#include "engine/delivery/sink_log.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

using sinks::SinkState;

constexpr std::uint64_t second_ns = 1'000'000'000;

class MoodySink final : public sinks::Sink {
  public:
    [[nodiscard]] bool has_room() const override { return true; }
    void submit(Batch&) override {}
    [[nodiscard]] sinks::Interest interest() const override { return {}; }
    void advance(short, std::uint64_t) override {}
    [[nodiscard]] const sinks::SinkSignal& signal() const override { return signals; }
    [[nodiscard]] sinks::SinkFigures figures() const override {
        return {.delivery = delivery, .link = &link, .replication = &replication};
    }
    [[nodiscard]] std::string last_error() const override { return text; }
    [[nodiscard]] std::string connected_to() const override { return server; }

    void fail(std::string why) {
        delivery.state = SinkState::connecting;
        sinks::add(link.connection_failures, 1);
        text = std::move(why);
    }

    sinks::SinkSignal signals;
    sinks::DeliveryFigures delivery;
    sinks::LinkFigures link;
    sinks::ReplicationFigures replication;
    std::string text, server;
};

class SinkLogTest : public testing::Test {
  protected:
    // What a look() at `at_ns` writes, without the time stamp; empty: nothing.
    std::string line_at(std::uint64_t at_ns) {
        testing::internal::CaptureStderr();
        log.observe(sink, at_ns);
        const std::string text = testing::internal::GetCapturedStderr();
        return text.empty() ? text : text.substr(text.find("level="));
    }

    MoodySink sink;
    SinkLog log{"0"};
};

TEST_F(SinkLogTest, TheFirstConnectionIsNoEvent) {
    EXPECT_EQ(line_at(100), "");
    sink.delivery.state = SinkState::ready;
    EXPECT_EQ(line_at(200), "");
    EXPECT_EQ(log.deadline_ns(), 0u);
}

TEST_F(SinkLogTest, TheServerThatWasReachedIsTold) {
    const auto reach = [&](const char* server) {
        sink.server = server;
        sinks::add(sink.link.connects, 1);
    };
    reach("redis:6379 (10.0.0.2)");
    EXPECT_EQ(line_at(100), "level=info event=sink_connected sink=0 server=\"redis:6379 (10.0.0.2)\"\n");
    EXPECT_EQ(line_at(200), "");
    reach("redis:6379 (10.0.0.2)");
    EXPECT_EQ(line_at(300), "") << "the same again";
    reach("redis:6379 (10.0.0.3)");
    EXPECT_EQ(line_at(400), "") << "one line a second";
    EXPECT_EQ(log.deadline_ns(), 100 + second_ns);
    EXPECT_EQ(line_at(100 + second_ns), "level=info event=sink_connected sink=0 server=\"redis:6379 (10.0.0.3)\"\n");
    EXPECT_EQ(log.deadline_ns(), 0u);
    reach("");
    EXPECT_EQ(line_at(5 * second_ns), "") << "lost again";
    EXPECT_EQ(log.deadline_ns(), 0u);
}

TEST_F(SinkLogTest, AnOutageIsTwoLines) {
    sink.fail("broken\npipe");
    EXPECT_EQ(line_at(5 * second_ns),
              "level=warn event=sink_unreachable sink=0 reason=\"broken\\x0Apipe\" connection_failures=1\n");
    for (int i = 0; i < 100; ++i) {
        sink.fail("still");
        EXPECT_EQ(line_at((6 + static_cast<std::uint64_t>(i)) * second_ns), "");
    }
    sink.delivery.state = SinkState::ready;
    EXPECT_EQ(line_at(107 * second_ns + second_ns / 2),
              "level=info event=sink_restored sink=0 after_s=102.5 connection_failures=101\n");
}

TEST_F(SinkLogTest, RefusalsNameTheirClass) {
    sink.delivery.state = SinkState::ready;
    sink.text = "Redis refuses: OOM";
    record_refusal(sink.delivery, CommandOutcome::busy, 1);
    EXPECT_EQ(line_at(second_ns), "level=warn event=sink_refuses sink=0 class=busy reason=\"Redis refuses: OOM\"\n");
    forget_refusal(sink.delivery);
    EXPECT_EQ(line_at(2 * second_ns), "level=info event=sink_restored sink=0 after_s=1 connection_failures=0\n");
    sink.delivery.state = SinkState::stalled;
    sink.delivery.refusal = CommandOutcome::refused;
    EXPECT_EQ(line_at(3 * second_ns),
              "level=warn event=sink_refuses sink=0 class=refused reason=\"Redis refuses: OOM\"\n");
}

TEST_F(SinkLogTest, AStallWithoutARefusalPassesByItself) {
    sink.delivery.state = SinkState::stalled;
    sink.text = "no node serves slot 7";
    EXPECT_EQ(line_at(second_ns), "level=warn event=sink_refuses sink=0 class=busy reason=\"no node serves slot 7\"\n");
}

TEST_F(SinkLogTest, AWaitThatIsForbiddenIsTold) {
    sink.delivery.state = SinkState::ready;
    sink.replication.is_wait_refused = true;
    sink.text = "Redis refuses: NOPERM";
    EXPECT_EQ(line_at(second_ns), "level=warn event=sink_wait_refused sink=0 reason=\"Redis refuses: NOPERM\"\n");
    EXPECT_EQ(line_at(3 * second_ns), "") << "once";
    sink.replication.is_wait_refused = false;
    EXPECT_NE(line_at(5 * second_ns).find("event=sink_restored"), std::string::npos);
}

TEST_F(SinkLogTest, ABreakerThatOpensAndClosesIsTwoLines) {
    using sinks::BreakerState;
    sink.delivery.state = SinkState::ready;
    sink.signals.breaker = BreakerState::open;
    sink.delivery.breaker_failures = 3;
    sink.signals.breaker_retry_ns = 10 * second_ns + second_ns / 2;
    sink.text = "gone";
    EXPECT_EQ(line_at(10 * second_ns),
              "level=warn event=sink_breaker sink=0 state=open failures=3 retry_in_s=0.5 reason=gone\n");
    for (std::uint64_t i = 0; i < 100; ++i) {  // attempts
        sink.signals.breaker = i % 2 == 0 ? BreakerState::half_open : BreakerState::open;
        EXPECT_EQ(line_at((12 + i) * second_ns), "");
    }
    sink.signals.breaker = BreakerState::closed;
    EXPECT_EQ(line_at(113 * second_ns), "level=info event=sink_breaker sink=0 state=closed after_s=103\n");
    EXPECT_EQ(log.deadline_ns(), 0u);
}

TEST_F(SinkLogTest, ABreakersLineWaitsForItsSecond) {
    sink.fail("gone");
    EXPECT_NE(line_at(10 * second_ns), "");
    sink.signals.breaker = sinks::BreakerState::open;
    EXPECT_EQ(line_at(10 * second_ns + 1), "");
    EXPECT_EQ(log.deadline_ns(), 11 * second_ns);
    EXPECT_NE(line_at(11 * second_ns).find("event=sink_breaker sink=0 state=open"), std::string::npos);
}

TEST_F(SinkLogTest, ChangesOfASecondAreOneLineAndTheLastOneHolds) {
    sink.fail("gone");
    EXPECT_NE(line_at(10 * second_ns), "");
    for (std::uint64_t i = 1; i <= 50; ++i) {
        sink.delivery.state = i % 2 == 1 ? SinkState::ready : SinkState::connecting;
        EXPECT_EQ(line_at(10 * second_ns + i), "");
    }
    EXPECT_EQ(log.deadline_ns(), 0u) << "it is as the last line says";
    sink.delivery.state = SinkState::ready;
    EXPECT_EQ(line_at(10 * second_ns + 60), "");
    EXPECT_EQ(log.deadline_ns(), 11 * second_ns) << "a thread that slept on would leave the log saying it is away";
    EXPECT_NE(line_at(11 * second_ns).find("event=sink_restored"), std::string::npos);
    EXPECT_EQ(log.deadline_ns(), 0u);
}

}  // namespace
}  // namespace sluice
