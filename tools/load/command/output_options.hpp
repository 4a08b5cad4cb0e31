// What a command line may ask of outputs: each on its own place, and InfluxDB with all that its version needs.
#pragma once

#include <expected>

#include "tools/load/command/options.hpp"
#include "tools/load/export/influx.hpp"

namespace sluice::load {

// Options that say nothing without another one, or that would write two outputs into one stream, are errors: what they
// ask for would be missing after the run.
[[nodiscard]] std::expected<void, PlanError> check_outputs(const Outputs& outputs);
[[nodiscard]] std::expected<void, PlanError> check_outputs(const ComparePlan& plan);

// With the token of the environment (INFLUX_TOKEN) if the command line has none.
[[nodiscard]] InfluxTarget influx_target_of(const Outputs& outputs);

}  // namespace sluice::load
