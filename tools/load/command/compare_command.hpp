// `sluice-load compare A B …`: the same load on several targets, in turn. Main thread.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "tools/load/command/options.hpp"

namespace sluice::load {

// The table goes to standard output, unless another output does. threshold_missed if most requests of a run failed;
// invalid if any run is, or if it was interrupted; setup_failed if a run could not begin. Rounds that were complete by
// then are reported all the same.
// `stop` is set by a signal; the run under way then ends. `command_line` is for the reports, which hide the secrets in
// it.
[[nodiscard]] ExitCode compare(const ComparePlan& plan, const std::vector<std::string>& command_line,
                               const std::atomic<bool>& stop);

}  // namespace sluice::load
