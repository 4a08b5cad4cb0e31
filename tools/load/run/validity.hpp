// Whether a run measured the server, or the generator's own limits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/load/plan/run_plan.hpp"
#include "tools/load/report/results.hpp"

namespace sluice::load {

struct GeneratorState {
    std::uint64_t own_lag_p99_ns = 0;  // lag in which a connection was free: nobody's fault but ours
    std::uint32_t opened_count = 0, wanted_count = 0;
    bool was_stopped = false;
};

// Sentences; none if the run is valid.
[[nodiscard]] std::vector<std::string> reasons_against(const RunResult& result, const RunPlan& plan,
                                                       const GeneratorState& state);

}  // namespace sluice::load
