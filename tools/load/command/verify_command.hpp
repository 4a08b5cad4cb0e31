// `sluice-load verify`: is all that was acknowledged in Redis?
#pragma once

#include "tools/load/command/options.hpp"

namespace sluice::load {

// threshold_missed if anything acknowledged is lost; setup_failed if the ledger or Redis cannot be read.
[[nodiscard]] ExitCode verify(const VerifyPlan& plan);

}  // namespace sluice::load
