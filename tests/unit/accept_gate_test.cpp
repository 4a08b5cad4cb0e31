// The gate of a loop's listeners: when it shuts, what opens it again.
// runs: release asan
#include "engine/io/accept_gate.hpp"

#include <gtest/gtest.h>

namespace sluice::io {
namespace {

using State = AcceptGate::State;
constexpr std::uint64_t now_ns = 5'000'000'000;
constexpr std::uint64_t retry_ns = now_ns + AcceptGate::retry_interval_ns;

TEST(AcceptGate, OpenItNeedsNoSlotAndNoTime) {
    const AcceptGate gate;
    EXPECT_EQ(gate.state(), State::open);
    EXPECT_TRUE(gate.may_open(0, 0));
    EXPECT_EQ(gate.earlier(0), 0u);
    EXPECT_EQ(gate.earlier(7), 7u);
}

TEST(AcceptGate, FullItWaitsForAShareOfTheSlotsAndForNoTime) {
    AcceptGate gate;
    EXPECT_TRUE(gate.shut_when_full(640));
    EXPECT_FALSE(gate.shut_when_full(640)) << "it was shut before: one pause";
    EXPECT_FALSE(gate.may_open(19, now_ns * 100));
    EXPECT_TRUE(gate.may_open(20, now_ns));
    EXPECT_EQ(gate.earlier(0), 0u) << "nothing but a close ends it, so nobody need wake up";
    gate.open();
    EXPECT_EQ(gate.state(), State::open);
}

TEST(AcceptGate, OfFewSlotsOneIsEnough) {
    AcceptGate gate;
    gate.shut_when_full(4);
    EXPECT_FALSE(gate.may_open(0, now_ns));
    EXPECT_TRUE(gate.may_open(1, now_ns));
}

TEST(AcceptGate, ExhaustedItWaitsForTimeOrMoreSlots) {
    AcceptGate gate;
    EXPECT_TRUE(gate.shut_when_exhausted(100, 64, now_ns));
    EXPECT_FALSE(gate.may_open(101, retry_ns - 1));
    EXPECT_TRUE(gate.may_open(102, retry_ns - 1));
    EXPECT_TRUE(gate.may_open(100, retry_ns));
    EXPECT_EQ(gate.earlier(0), retry_ns);
    EXPECT_EQ(gate.earlier(retry_ns - 1), retry_ns - 1);
    EXPECT_EQ(gate.earlier(retry_ns + 1), retry_ns);
    gate.open();
    EXPECT_EQ(gate.earlier(0), 0u);
}

TEST(AcceptGate, ProlongedItWaitsForOneMoreSlotOrTheNextInterval) {
    AcceptGate gate;
    gate.shut_when_full(32);
    gate.prolong(5, retry_ns);
    EXPECT_FALSE(gate.may_open(5, retry_ns));
    EXPECT_TRUE(gate.may_open(6, retry_ns));
    EXPECT_TRUE(gate.may_open(5, retry_ns + AcceptGate::retry_interval_ns));
}

}  // namespace
}  // namespace sluice::io
