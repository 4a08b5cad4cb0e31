// Judges whether a run measured the server, or the limits of the generator. Pure function.
#pragma once

#include <cstdint>

#include "tools/load/plan/run_plan.hpp"
#include "tools/load/result/results.hpp"

namespace sluice::load {

struct GeneratorState {
    std::uint64_t sent_in_time_count = 0;  // before the schedule's end, or shortly after it
    std::uint64_t late_by_generator_count = 0;  // of the others: sent late, though a connection was free in time
    std::uint64_t second_half_planned_count = 0, second_half_ended_count = 0;  // see Span
    std::uint64_t clipped_count = 0;       // latencies longer than any that is measured
    std::uint32_t opened_count = 0, wanted_count = 0;
    std::uint32_t users_count = 0,
                  served_users_count = 0;  // of stages: who came, and who of them ever had a connection
    bool was_stopped = false;
};

// Fills the result's invalid_reasons, which stay empty if the run is valid, and is_generator_limited.
void judge_validity(RunResult& result, const RunPlan& plan, const GeneratorState& state);

}  // namespace sluice::load
