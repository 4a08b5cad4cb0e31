// The options of a run, as given, and the plan that they make. Empty text: not given.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "tools/load/command/options.hpp"
#include "tools/load/plan/run_plan.hpp"

namespace sluice::load {

struct RunOptions {
    std::string url;
    std::string rate, arrivals, stages;
    std::string users, think, user_stages;
    std::string duration, requests, warmup;
    std::string connections, threads, cores, pipeline, requests_per_connection, timeout, seed;
    std::string method, body, body_file;
    std::vector<std::string> headers;
    bool is_sample = false, is_gzip = false, is_ndjson = false;
    std::string batch, devices, device_prefix, zipf, status, check;
    std::vector<std::string> thresholds;
    std::string max_lag, max_cpu, min_sent, min_open;
    std::string ledger;
};

// Declares the options on `app`, which writes into `options` when it parses.
void declare(CLI::App& app, RunOptions& options);
void declare(CLI::App& app, Outputs& outputs);

[[nodiscard]] std::expected<RunPlan, PlanError> plan_of(const RunOptions& options);

}  // namespace sluice::load
