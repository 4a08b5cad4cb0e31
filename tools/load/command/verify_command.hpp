// `sluice-load verify`: checks that all that was acknowledged is in Redis. Main thread.
#pragma once

#include "tools/load/command/options.hpp"

namespace sluice::load {

// threshold_missed if anything acknowledged is lost; setup_failed if the ledger or Redis cannot be read.
// Only reads from Redis. No handler is set for signals: Ctrl-C ends it at once.
[[nodiscard]] ExitCode verify(const VerifyPlan& plan);

}  // namespace sluice::load
