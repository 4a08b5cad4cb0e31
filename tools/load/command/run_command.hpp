// `sluice-load URL`: one run with all its outputs.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "tools/load/command/options.hpp"

namespace sluice::load {

// Says what went wrong on standard error. `command_line` is for the report.
[[nodiscard]] ExitCode run(const RunPlan& plan, const Outputs& outputs, const std::vector<std::string>& command_line,
                           const std::atomic<bool>& stop);

}  // namespace sluice::load
