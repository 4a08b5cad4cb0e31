// Checks the output options of a command line: no two outputs share a stream, and InfluxDB has all that its version
// needs. Main thread; reads INFLUX_TOKEN from the environment.
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
