// Invocation: what the command line asks `sluice-load` to do, parsed and checked. Values; read by the main thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "engine/log/writer.hpp"
#include "tools/load/plan/run_plan.hpp"

namespace sluice::load {

// Part of the interface: scripts compare them.
enum class ExitCode : int {
    ok = 0,
    // Of a valid run; most requests failed; verify: something that was acknowledged is lost; standard output is full.
    threshold_missed = 1,
    bad_usage = 2,  // command line, scenario file
    invalid = 3,  // the run measured the generator, not the server; or the user ended it
    setup_failed =
        4,  // unreachable target, no io_uring, a file that cannot be written, a certificate that cannot be read
};

// Where a run's outcome goes; empty: nowhere. "-" is standard output.
struct Outputs {
    std::string json, csv, hgrm, hlog, html;
    std::string influx_url, influx_database, influx_organization, influx_bucket, influx_token;
    bool is_quiet = false;
};

// `sluice-load URL --sweep …` or `--slo …`: several runs of one plan at different rates.
struct Search {
    std::vector<double> sweep_rates;  // requests/s; empty: no sweep
    std::vector<Threshold> slo;  // empty: no search
    double rate_first = 1000, rate_max = 1e7;  // of the search for the highest rate that holds the SLO
    [[nodiscard]] bool is_wanted() const { return !sweep_rates.empty() || !slo.empty(); }
};

// `sluice-load verify`. Keys that are empty are not given: the engine's own defaults are looked for.
struct VerifyPlan {
    std::string ledger_path, redis_url = "redis://127.0.0.1:6379";
    // As the keys sink.redis.tls_* of the engine; for rediss://.
    std::string redis_ca, redis_certificate, redis_key, redis_server_name;
    bool is_redis_unverified = false;
    std::string stream, list_key;
    std::string json_path;  // empty: none
};

// `sluice-load compare`. Paths as in Outputs.
struct ComparePlan {
    std::vector<RunPlan> plans;  // the same load for each URL
    std::uint32_t rounds_count = 4;
    std::string json_path, markdown_path, html_path;
    bool is_quiet = false;
};

// Only the members that `command` needs are filled.
struct Invocation {
    enum class Command : std::uint8_t { run, verify, compare, show };
    Command command = Command::run;
    RunPlan plan;
    Outputs outputs;
    Search search;
    VerifyPlan verify;
    ComparePlan compare;
    std::string text;  // show: what to print
    std::vector<std::string> warnings;  // sentences
};

// The sentence tells what is wrong and where help is.
// Reads the files that say what to send (--scenario, --body-file, --header-file, --tenants) and INFLUX_TOKEN. Opens no
// output, connects to nothing and prints nothing.
[[nodiscard]] std::expected<Invocation, PlanError> parse_command_line(int argc, const char* const* argv);

// Says on stderr why a command could not do its work.
[[nodiscard]] inline ExitCode complain(const std::string& sentence, ExitCode code = ExitCode::setup_failed) {
    log::say("sluice-load: " + sentence);
    return code;
}

}  // namespace sluice::load
