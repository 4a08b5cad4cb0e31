// Coordinator: carries out a RunPlan. Starts the load threads, tells observers of each second while they run, and adds
// up what was measured. Runs on the calling thread, which is not a load thread.
#pragma once

#include <atomic>
#include <expected>
#include <string>
#include <vector>

#include "tools/load/plan/run_plan.hpp"
#include "tools/load/result/results.hpp"
#include "tools/load/run/client.hpp"

namespace sluice::load {

// The run could not begin: one sentence, with what to do about it.
struct SetupError {
    std::string sentence;
    bool is_interrupt = false;  // the user ended it before it began
};

// `stop`: set by a signal; the run then ends early and reports what it has. `environment` is left to the caller.
[[nodiscard]] std::expected<RunResult, SetupError> carry_out(const RunPlan& plan,
                                                             const std::vector<Observer*>& observers,
                                                             const std::atomic<bool>& stop,
                                                             const OnAcknowledged& on_acknowledged = {});

// One line for people: "open loop, 20000/s constant, 30 s, 100 connections on 1 thread".
[[nodiscard]] std::string describe(const RunPlan& plan);

}  // namespace sluice::load
