// The phases of an engine's end: which signal and which time lead to which, and what each signal means.
// runs: release asan
#include "engine/runtime/stop_sequence.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "engine/io/process_signals.hpp"

namespace sluice {
namespace {

using Phase = StopSequence::Phase;

constexpr std::uint64_t ms = 1'000'000;
constexpr std::uint64_t start_ns = 5'000 * ms;
constexpr std::uint64_t drain_timeout_ns = 10'000 * ms;

// At `at_ms` a stop signal comes, or nothing but time passes; afterwards the phase is `then`.
struct Step {
    std::uint64_t at_ms;
    bool is_signal;
    StopSequence::Progress progress;
    Phase then;
};
struct Course {
    const char* what;
    std::vector<Step> steps;
};

constexpr StopSequence::Progress busy{}, drained{true, false}, ended{true, true}, gave_up{false, true};
const Course courses[] = {
    {"in order",
     {{0, false, busy, Phase::serving},
      {1, true, busy, Phase::draining},
      {2, false, busy, Phase::draining},
      {3, false, drained, Phase::ending},
      {4, false, drained, Phase::ending},
      {5, false, ended, Phase::ended}}},
    {"two within milliseconds",
     {{0, true, busy, Phase::draining},
      {3, true, busy, Phase::draining},
      {999, true, busy, Phase::draining},
      {1500, false, drained, Phase::ending},
      {1501, false, ended, Phase::ended}}},
    {"a second one", {{0, true, busy, Phase::draining}, {1000, true, busy, Phase::at_once}}},
    {"many, and the last is a second one",
     {{0, true, busy, Phase::draining}, {600, true, busy, Phase::draining}, {1200, true, busy, Phase::at_once}}},
    {"time is up",
     {{0, true, busy, Phase::draining},
      {9'999, false, busy, Phase::draining},
      {10'000, false, busy, Phase::ending},
      {10'001, false, gave_up, Phase::ended}}},
    {"a second one while threads end",
     {{0, true, busy, Phase::draining},
      {1, false, drained, Phase::ending},
      {900, true, drained, Phase::ending},
      {1'100, true, drained, Phase::at_once}}},
    {"a second one when all is over",
     {{0, true, ended, Phase::draining},
      {1, false, ended, Phase::ending},
      {2, false, ended, Phase::ended},
      {5'000, true, ended, Phase::ended}}},
};

TEST(StopSequence, Courses) {
    for (const Course& course : courses) {
        SCOPED_TRACE(course.what);
        StopSequence sequence(drain_timeout_ns);
        for (const Step& step : course.steps) {
            SCOPED_TRACE(step.at_ms);
            const std::uint64_t now_ns = start_ns + step.at_ms * ms;
            const Phase before = sequence.phase();
            if (step.is_signal) sequence.on_stop_signal(now_ns);
            EXPECT_EQ(sequence.advance(now_ns, step.progress), before != step.then);
            EXPECT_EQ(sequence.phase(), step.then);
        }
    }
}

// Those that stop a process or go on with it, that nobody can take, that are ignored anyway, and that tell of a bug.
TEST(ProcessSignals, EachThatWouldEndTheProcessHasAMeaning) {
    const std::set<int> left_alone{SIGKILL, SIGSTOP,  SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGCHLD,
                                   SIGURG,  SIGWINCH, SIGSEGV, SIGBUS,  SIGFPE,  SIGILL,  SIGABRT};
    std::set<int> in_table;
    for (const SignalRow& row : signal_table) EXPECT_TRUE(in_table.insert(row.number).second) << row.name;
    for (int signal = 1; signal < 32; ++signal)
        EXPECT_NE(in_table.contains(signal), left_alone.contains(signal)) << "signal " << signal;
}

TEST(ProcessSignals, AreCalledByTheirNames) {
    EXPECT_EQ(signal_name(SIGTERM), "SIGTERM");
    EXPECT_EQ(signal_name(SIGRTMIN + 3), "SIGRTMIN+3");
    EXPECT_EQ(meaning_of(SIGQUIT), SignalMeaning::stop);
    EXPECT_EQ(meaning_of(SIGHUP), SignalMeaning::reload);
    EXPECT_EQ(meaning_of(SIGRTMIN + 3), SignalMeaning::none);
}

}  // namespace
}  // namespace sluice
