// RunOptions: the options of a run as given, and the plan that they make. An empty text means: not given. Pure, but for
// the run tag, which is random.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "tools/load/command/options.hpp"
#include "tools/load/command/tls_options.hpp"
#include "tools/load/plan/run_plan.hpp"

namespace sluice::load {

// An option that a scenario file gave. Sentences about its value name the place instead of the option.
struct ScenarioOption {
    std::string option;  // --rate
    std::string place;  // load.toml: [load] rate
    std::uint32_t line = 0;
};

// Texts as the user wrote them; plan_of() and search_of() parse and check them.
struct RunOptions {
    std::string url;
    std::string rate, arrivals, stages;
    std::string users, think, user_stages;
    std::string duration, requests, warmup;
    std::string connections, threads, cores, pipeline, requests_per_connection_max, timeout, spin, seed;
    std::string method, body, body_file;
    std::vector<std::string> headers;
    std::string header_file, tenants;
    TlsOptions tls;
    bool is_sample = false, is_gzip = false, is_ndjson = false, is_chunked = false;
    std::string encoding, format;
    std::string batch, devices, device_prefix, zipf, status, check;
    std::vector<std::string> thresholds;
    std::string max_lag, max_cpu, min_sent, min_rate, min_open;
    std::string ledger;
    std::string scenario, time_scale;
    std::string sweep, slo, rate_max;

    // Of a scenario file, instead of what the options of a request say.
    std::string name;
    std::vector<Endpoint> endpoints;
    std::vector<ScenarioOption> scenario_options;
};

// Declares the options on `app`, which writes into them when it parses.
void declare(CLI::App& app, RunOptions& options);
void declare_search(CLI::App& app, RunOptions& options);
void declare(CLI::App& app, Outputs& outputs);
void declare(CLI::App& app, VerifyPlan& plan);

// Reads --body-file and --header-file; opens and connects nothing else. The sentence of an error names the option.
[[nodiscard]] std::expected<RunPlan, PlanError> plan_of(const RunOptions& options);
[[nodiscard]] std::expected<Search, PlanError> search_of(const RunOptions& options);

// The sentence of plan_of() about an option, with the place in the scenario file if the option is from there.
[[nodiscard]] std::string with_place(std::string sentence, const RunOptions& options);

// Fills what the command line has left open from the scenario file that it names, if it names one.
// Before plan_of(). After an error `options` may be filled in part.
[[nodiscard]] std::expected<void, PlanError> read_scenario(RunOptions& options);

// `ok=true` and `200,204` into a check; empty texts leave it as it is. An error begins with `dashes` and check or
// status.
[[nodiscard]] std::expected<void, PlanError> read_check(const std::string& check, const std::string& statuses,
                                                        ResponseCheck& into, std::string_view dashes = "--");

}  // namespace sluice::load
