// Which runs are INVALID, and what a load thread counts for the verdict.
// runs: release long: asan
#include <gtest/gtest.h>

#include <memory>

#include "tools/load/run/recorder.hpp"
#include "tools/load/run/validity.hpp"

namespace sluice::load {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;

// A run of 2000 requests at 1000/s, all sent in time, that achieved `achieved_rate`; the rest as a good run has it.
struct Case {
    double achieved_rate = 1000;
    GeneratorState state{.sent_in_time_count = 2000,
                         .second_half_planned_count = 1000,
                         .second_half_ended_count = 1000,
                         .opened_count = 10,
                         .wanted_count = 10};
    std::uint64_t own_lag_p99_ns = 0;
    bool is_open_loop = true;
    ArrivalKind arrivals = ArrivalKind::constant;
};

std::vector<std::string> reasons(const Case& one) {
    RunResult result;
    result.totals.planned = result.totals.responses = 2000;
    result.duration_s = 2;
    result.planned_rate = 1000;
    result.achieved_rate = one.achieved_rate;
    result.own_lag_p99_ns = one.own_lag_p99_ns;
    RunPlan plan;
    plan.is_open_loop = one.is_open_loop;
    plan.arrivals.kind = one.arrivals;
    judge_validity(result, plan, one.state);
    return result.invalid_reasons;
}

TEST(LoadValidity, AGoodRunIsValid) { EXPECT_EQ(reasons({}), std::vector<std::string>{}); }

TEST(LoadValidity, ARateThatWasNotAchievedIsTold) {
    Case half{.achieved_rate = 498};
    half.state.second_half_ended_count = 498;
    ASSERT_EQ(reasons(half).size(), 1u);
    EXPECT_TRUE(reasons(half).front().starts_with("Only 49.8 % of the planned rate was achieved"))
        << reasons(half).front();
    half.is_open_loop = false;  // nothing is planned
    EXPECT_EQ(reasons(half).size(), 0u);
}

// What is missing of 1000 that fall due in a second: 5 % by the bound, 20 of a pause, 3 at the edges; and what chance
// does to arrivals that are drawn.
TEST(LoadValidity, HowMuchOfARateMayBeMissing) {
    const auto is_valid = [](std::uint64_t ended, ArrivalKind kind) {
        Case one{.achieved_rate = 900, .arrivals = kind};
        one.state.second_half_ended_count = ended;
        return reasons(one).empty();
    };
    EXPECT_TRUE(is_valid(927, ArrivalKind::constant));
    EXPECT_FALSE(is_valid(926, ArrivalKind::constant));
    EXPECT_TRUE(is_valid(833, ArrivalKind::poisson));
    EXPECT_FALSE(is_valid(832, ArrivalKind::poisson));
}

TEST(LoadValidity, AnswersAfterTheEndAreNoMissedRate) {
    // 300 are in flight at the end, and were at the middle.
    EXPECT_EQ(reasons({.achieved_rate = 850}).size(), 0u);
}

TEST(LoadValidity, TheOwnLagDecides) {
    ASSERT_EQ(reasons({.own_lag_p99_ns = 3'000'000}).size(), 1u);
    EXPECT_EQ(reasons({.own_lag_p99_ns = 1'000'000}).size(), 0u);
}

// Of 2000 requests 1000 were sent too late. What kept them back is told, and no other.
TEST(LoadValidity, WhoWasLateIsBlamed) {
    Case late;
    late.state.sent_in_time_count = 1000;
    ASSERT_EQ(reasons(late).size(), 1u);
    EXPECT_EQ(reasons(late).front(),
              "Only 50 % of the planned requests could be sent in time, less than 99 % (--min-sent): the server or the "
              "number of connections limits the rate.");
    late.state.late_by_generator_count = 10;  // the others waited for the connections that were behind then
    EXPECT_TRUE(
        reasons(late).front().ends_with("the generator limits the rate, or the server or the number of "
                                        "connections does."));
    late.state.late_by_generator_count = 0;
    late.own_lag_p99_ns = 3'000'000;
    ASSERT_EQ(reasons(late).size(), 2u);
    EXPECT_TRUE(reasons(late).back().contains("the generator limits the rate, or"));
    late.own_lag_p99_ns = 0;
    late.state.late_by_generator_count = 501;
    ASSERT_EQ(reasons(late).size(), 1u);
    EXPECT_EQ(reasons(late).front(),
              "Only 50 % of the planned requests were sent in time, less than 99 % (--min-sent): the generator was "
              "late, and connections were free.");
    late.achieved_rate = 498;
    late.state.second_half_ended_count = 498;
    ASSERT_EQ(reasons(late).size(), 2u);
    EXPECT_TRUE(reasons(late).back().contains("the generator limits the rate, or"));
}

TEST(LoadRecorder, ARequestIsLateByWhatKeptItBack) {
    const auto recorder = std::make_unique<Recorder>();
    recorder->plan({.in_time_until_ns = 10 * second_ns});
    constexpr std::uint64_t due_ns = 9 * second_ns, late_ns = 11 * second_ns;
    recorder->record_lag(due_ns, 0, due_ns + 1, 0);         // in time
    recorder->record_lag(due_ns, 0, late_ns, 0);            // late, though a connection was free all the time
    recorder->record_lag(due_ns, late_ns - 1, late_ns, 0);  // late, because none was free
    recorder->publish_last(late_ns, 1);
    EXPECT_EQ(recorder->published()->sent_in_time, 1u);
    EXPECT_EQ(recorder->published()->late_by_generator_count, 1u);
}

// The coordinator did not come round to take spans, so one reaches past the end of what is measured.
TEST(LoadRecorder, ASpanThatReachesPastTheEndKnowsWhatCameInTime) {
    const auto recorder = std::make_unique<Recorder>();
    recorder->plan({.second_half_ns = 5 * second_ns, .end_ns = 10 * second_ns, .in_time_until_ns = 10 * second_ns});
    for (std::uint64_t second = 0; second < 10; ++second) recorder->count_due(second * second_ns);
    for (std::uint64_t second = 1; second < 13; ++second) recorder->count_response(0, second * second_ns);
    recorder->count_fault(Fault::reset, 0, 9 * second_ns);
    recorder->count_fault(Fault::never_sent, 0, 9 * second_ns);
    recorder->add_cpu(7, true);
    recorder->add_cpu(100, false);
    recorder->publish_last(13 * second_ns, 1);
    const Span* const span = recorder->published();
    ASSERT_NE(span, nullptr);
    EXPECT_EQ(span->counts.responses, 12u);
    EXPECT_EQ(span->timely_responses, 10u);
    EXPECT_EQ(span->second_half_planned_count, 5u);
    EXPECT_EQ(span->second_half_ended_count, 7u);
    EXPECT_EQ(span->cpu_ns, 7u);
}

TEST(LoadRecorder, AnInterruptedRunMeasuresNoLonger) {
    const auto recorder = std::make_unique<Recorder>();
    recorder->plan({.second_half_ns = 5 * second_ns, .end_ns = 10 * second_ns});
    recorder->end_measurement(2 * second_ns);
    recorder->count_response(0, second_ns);
    recorder->count_response(0, 3 * second_ns);
    recorder->publish_last(3 * second_ns, 1);
    EXPECT_EQ(recorder->published()->counts.responses, 2u);
    EXPECT_EQ(recorder->published()->timely_responses, 1u);
    EXPECT_EQ(recorder->published()->second_half_ended_count, 0u);
}

}  // namespace
}  // namespace sluice::load
