// `--sweep` and `--slo`: latency against rate, and the highest rate that holds. Main thread.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "tools/load/command/options.hpp"

namespace sluice::load {

// The curve goes to standard output, a line for each run, unless --quiet, and to --json. --slo: threshold_missed if no
// rate holds, invalid if it was the generator that limited the search. --sweep: threshold_missed if most requests of a
// run failed. After an interrupt invalid; the runs that were complete are in the curve.
[[nodiscard]] ExitCode search(const Invocation& invocation, const std::vector<std::string>& command_line,
                              const std::atomic<bool>& stop);

}  // namespace sluice::load
