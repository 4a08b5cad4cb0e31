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
    sinks::SinkSignal signal;
    Admission admission{state, signal};
};

TEST_F(AdmissionTest, PausedRefusesEveryLevel) {
    EXPECT_EQ(stored(), std::nullopt);
    state.is_paused = true;
    for (const AckLevel level : {AckLevel::queued, AckLevel::journaled, AckLevel::stored})
        EXPECT_EQ(admission.check(level), Refusal::paused);
}

TEST_F(AdmissionTest, StoredIsRefusedWhenTheSinkCanNotTakeIt) {
    for (const BreakerState state_of_breaker : {BreakerState::open, BreakerState::half_open}) {
        signal.breaker = state_of_breaker;
        EXPECT_EQ(stored(), Refusal::sink_unavailable);
        EXPECT_EQ(admission.check(AckLevel::queued), std::nullopt);
        EXPECT_EQ(admission.check(AckLevel::journaled), std::nullopt);
    }
    signal.breaker = BreakerState::closed;
    EXPECT_EQ(stored(), std::nullopt);
}

TEST_F(AdmissionTest, OneRequestATurn) {
    signal.breaker = BreakerState::half_open;
    signal.breaker_turn = 7;
    EXPECT_EQ(stored(), std::nullopt);
    EXPECT_EQ(stored(), std::nullopt) << "none was taken: its body was no sample, say";
    admission.taken(AckLevel::queued);
    EXPECT_EQ(stored(), std::nullopt) << "nobody waits for those";
    admission.taken(AckLevel::stored);
    EXPECT_EQ(stored(), Refusal::sink_unavailable);
    signal.breaker_turn = 8;
    EXPECT_EQ(stored(), std::nullopt) << "the next turn";
}

TEST_F(AdmissionTest, RefusesForALaneWhoseServerIsAway) {
    constexpr std::array<std::uint32_t, 2> lanes{3, 200};
    EXPECT_EQ(admission.check_lanes(AckLevel::stored, lanes), std::nullopt);
    signal.lanes_away[0] = ~(std::uint64_t{1} << 3);
    signal.lanes_away[3] = std::uint64_t{1} << 7;
    EXPECT_EQ(admission.check_lanes(AckLevel::stored, lanes), std::nullopt) << "others are away";
    EXPECT_EQ(sinks::lanes_away_count(signal), 64u);
    signal.lanes_away[3] = std::uint64_t{1} << 8;
    EXPECT_EQ(admission.check_lanes(AckLevel::stored, lanes), Refusal::sink_unavailable);
    EXPECT_EQ(admission.check_lanes(AckLevel::replicated, lanes), Refusal::sink_unavailable);
    EXPECT_EQ(admission.check_lanes(AckLevel::queued, lanes), std::nullopt) << "nobody waits";
    EXPECT_EQ(stored(), std::nullopt) << "before its samples are known";
}

TEST_F(AdmissionTest, KnowsWhenTheSinkIsTried) {
    signal.breaker_retry_ns = 500;
    EXPECT_EQ(admission.retry_ns(), 0u) << "it takes samples";
    signal.breaker = BreakerState::open;
    EXPECT_EQ(admission.retry_ns(), 500u);
    EXPECT_TRUE(admission.is_cut_off());
}

TEST_F(AdmissionTest, KnowsWhenRedisMayBeWithinItsBounds) {
    state.gauges.opens_ns = 900;
    EXPECT_EQ(admission.retry_ns(), 0u) << "a journal takes what Redis cannot: nobody is refused";
    state.gauges.refused_for = watch::PassedBound::consumers_behind;
    EXPECT_EQ(admission.retry_ns(), 900u);
    EXPECT_FALSE(admission.is_cut_off());
    signal.breaker = BreakerState::open;
    signal.breaker_retry_ns = 500;
    EXPECT_EQ(admission.retry_ns(), 900u) << "the later one";
    state.gauges.opens_ns = 100;
    EXPECT_EQ(admission.retry_ns(), 500u);
}

}  // namespace
}  // namespace sluice
