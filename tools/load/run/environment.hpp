// Where a run takes place: machine, kernel, and which program answers, if it is one of this machine. Reads /proc. Main
// thread, before the run.
#pragma once

#include <span>
#include <string>

#include "tools/load/plan/target.hpp"
#include "tools/load/result/results.hpp"

namespace sluice::load {

// `command_line`: this program's words. Of it and of the server's, secrets are left out. What cannot be found out stays
// empty.
[[nodiscard]] Environment environment_of(const Target& target, std::span<const std::string> command_line);

}  // namespace sluice::load
