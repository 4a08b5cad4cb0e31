// `sluice dead`: the refused records that an engine has kept of its tenants (engine/dead_letters). Main thread.
#pragma once

#include "engine/config/command_line.hpp"
#include "engine/config/load.hpp"

namespace sluice::dead_tool {

// Prints NDJSON on stdout, and says what is wrong on stderr.
[[nodiscard]] config::ExitCode run(const config::Invocation& invocation, const config::Environment& environment);

}  // namespace sluice::dead_tool
