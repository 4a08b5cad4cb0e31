// Checks that `verify` can find the samples of a body again. A run with a ledger needs that before it begins. Pure
// function.
#pragma once

#include <string>

#include "tools/load/command/option_values.hpp"
#include "tools/load/plan/run_plan.hpp"

namespace sluice::load {

// `body` is the template of one sample, which has been parsed without error. verify looks for a sample's top-level
// device_id, which must be {device} and no more, and its seq, a number that is {seq}.
[[nodiscard]] Result<void> check_ledger_body(const std::string& body);

}  // namespace sluice::load
