// Checks the output options of a command line: no two outputs share a stream, and InfluxDB has all that its version
// needs. Main thread; reads INFLUX_TOKEN from the environment.
#pragma once

#include <expected>

#include "tools/load/command/options.hpp"
#include "tools/load/export/influx.hpp"

namespace sluice::load {

// Files of a command line that no output may overwrite. Empty: not given.
struct OtherFiles {
    std::string scenario, body_file, ledger, header_file, tenants;
    std::string ca, certificate, key;  // of TLS; may be one file
};

// A path that leads to standard output by another name, such as /dev/stdout or the file that a shell redirected it to,
// becomes `-`. So the summary makes room for it, and nothing is written into one file from two sides.
void resolve_stdout(Outputs& outputs);
void resolve_stdout(ComparePlan& plan);
void resolve_stdout(VerifyPlan& plan);

// Behind resolve_stdout(). Options that say nothing without another one, or that would write two outputs into one file,
// or one over what is read, are errors: what they ask for would be missing after the run.
[[nodiscard]] std::expected<void, PlanError> check_outputs(const Outputs& outputs, const OtherFiles& inputs);
[[nodiscard]] std::expected<void, PlanError> check_outputs(const ComparePlan& plan, const OtherFiles& inputs);
[[nodiscard]] std::expected<void, PlanError> check_outputs(const VerifyPlan& plan);

// With the token of the environment (INFLUX_TOKEN) if the command line has none.
[[nodiscard]] InfluxTarget influx_target_of(const Outputs& outputs);

}  // namespace sluice::load
