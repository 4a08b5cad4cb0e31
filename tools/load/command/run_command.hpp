// `sluice-load URL`: one run with all its outputs. Main thread.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "tools/load/command/options.hpp"

namespace sluice::load {

// Says what went wrong on standard error. `command_line` is for the report. Sets `stop` itself if the ledger cannot be
// written.
[[nodiscard]] ExitCode run(const RunPlan& plan, const Outputs& outputs, const std::vector<std::string>& command_line,
                           std::atomic<bool>& stop);

}  // namespace sluice::load
