// `--sweep` and `--slo`: latency against rate, and the highest rate that holds.
#pragma once

#include <atomic>

#include "tools/load/command/options.hpp"

namespace sluice::load {

// The curve goes to standard output, a line for each run. --slo: threshold_missed if not even the first rate holds.
[[nodiscard]] ExitCode search(const Invocation& invocation, const std::atomic<bool>& stop);

}  // namespace sluice::load
