// Admission: who is let in while a breaker is not closed, and how many try a sink that may take samples again.
// runs: release asan tsan
#include "engine/ingest/admission.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice {
namespace {

using sinks::BreakerState;

class AdmissionTest : public testing::Test {
  protected:
    [[nodiscard]] std::optional<Refusal> stored() const { return admission.check(AckLevel::stored); }

    EngineState state;
    sinks::SinkSignal one;
    sinks::SinkSignal other;
    Admission admission{state, {&one, &other}};
};

TEST_F(AdmissionTest, PausedRefusesEveryLevel) {
    EXPECT_EQ(stored(), std::nullopt);
    state.paused = true;
    for (const AckLevel level : {AckLevel::queued, AckLevel::journaled, AckLevel::stored})
        EXPECT_EQ(admission.check(level), Refusal::paused);
}

TEST_F(AdmissionTest, StoredIsRefusedWhenNoSinkCanTakeIt) {
    one.breaker = BreakerState::open;
    EXPECT_EQ(stored(), std::nullopt) << "it may be meant for the other";
    other.breaker = BreakerState::half_open;
    EXPECT_EQ(stored(), Refusal::sink_unavailable);
    EXPECT_EQ(admission.check(AckLevel::queued), std::nullopt);
    EXPECT_EQ(admission.check(AckLevel::journaled), std::nullopt);
    other.breaker = BreakerState::closed;
    EXPECT_EQ(stored(), std::nullopt);
}

TEST_F(AdmissionTest, OneRequestATurn) {
    one.breaker = BreakerState::open;
    other.breaker = BreakerState::half_open;
    other.breaker_turn = 7;
    EXPECT_EQ(stored(), std::nullopt);
    EXPECT_EQ(stored(), std::nullopt) << "none was taken: its body was no sample, say";
    admission.taken(AckLevel::queued);
    EXPECT_EQ(stored(), std::nullopt) << "nobody waits for those";
    admission.taken(AckLevel::stored);
    EXPECT_EQ(stored(), Refusal::sink_unavailable);
    other.breaker_turn = 8;
    EXPECT_EQ(stored(), std::nullopt) << "the next turn";
}

TEST_F(AdmissionTest, RefusesForALaneWhoseServerIsAway) {
    constexpr std::array<std::uint32_t, 2> lanes{3, 200};
    EXPECT_EQ(admission.check_lanes(AckLevel::stored, lanes), std::nullopt);
    one.lanes_away[0] = ~(std::uint64_t{1} << 3);
    one.lanes_away[3] = std::uint64_t{1} << 7;
    EXPECT_EQ(admission.check_lanes(AckLevel::stored, lanes), std::nullopt) << "others are away";
    EXPECT_EQ(sinks::lanes_away_count(one), 64u);
    one.lanes_away[3] = std::uint64_t{1} << 8;
    EXPECT_EQ(admission.check_lanes(AckLevel::stored, lanes), Refusal::sink_unavailable);
    EXPECT_EQ(admission.check_lanes(AckLevel::replicated, lanes), Refusal::sink_unavailable);
    EXPECT_EQ(admission.check_lanes(AckLevel::queued, lanes), std::nullopt) << "nobody waits";
    EXPECT_EQ(stored(), std::nullopt) << "before its samples are known";
}

TEST_F(AdmissionTest, KnowsWhenTheFirstSinkIsTried) {
    one.breaker = BreakerState::open;
    one.breaker_retry_ns = 500;
    EXPECT_EQ(admission.retry_ns(), 0u) << "the other takes samples";
    other.breaker = BreakerState::open;
    EXPECT_EQ(admission.retry_ns(), 500u);
    other.breaker_retry_ns = 300;
    EXPECT_EQ(admission.retry_ns(), 300u);
    EXPECT_TRUE(admission.is_cut_off());
}

TEST_F(AdmissionTest, KnowsWhenRedisMayBeWithinItsBounds) {
    state.admission.opens_ns = 900;
    EXPECT_EQ(admission.retry_ns(), 0u) << "a journal takes what Redis can not: nobody is refused";
    state.admission.verdict = admission::Verdict::consumers_behind;
    EXPECT_EQ(admission.retry_ns(), 900u);
    EXPECT_FALSE(admission.is_cut_off());
    one.breaker = other.breaker = BreakerState::open;
    one.breaker_retry_ns = 500;
    EXPECT_EQ(admission.retry_ns(), 900u) << "the later one";
    state.admission.opens_ns = 100;
    EXPECT_EQ(admission.retry_ns(), 500u);
}

}  // namespace
}  // namespace sluice
