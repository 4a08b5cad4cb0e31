// What `sluice-load` was asked to do.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "tools/load/plan/run_plan.hpp"

namespace sluice::load {

enum class ExitCode : int {
    ok = 0,
    threshold_missed = 1,  // the run is valid; verify: something acknowledged is lost
    bad_usage = 2,         // command line, scenario file
    invalid = 3,           // the run measured the generator, not the server
    setup_failed = 4,      // unreachable target, no io_uring, a file that cannot be written
};

// Where a run's outcome goes; empty: nowhere. "-" is standard output.
struct Outputs {
    std::string json, csv, hgrm, hlog, html;
    bool is_quiet = false;
};

struct Invocation {
    enum class Command : std::uint8_t { run, show };
    Command command = Command::run;
    RunPlan plan;
    Outputs outputs;
    std::string text;  // show: what to print
};

// The sentence tells what is wrong and where help is.
[[nodiscard]] std::expected<Invocation, PlanError> parse_command_line(int argc, const char* const* argv);

}  // namespace sluice::load
