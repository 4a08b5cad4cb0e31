#include <CLI/CLI.hpp>

#include <memory>

#include "engine/core/escape.hpp"
#include "tools/load/command/options.hpp"
#include "tools/load/command/run_options.hpp"

namespace sluice::load {
namespace {

constexpr const char* help_footer = R"(Examples:
  sluice-load http://127.0.0.1:8080/telemetry --sample --rate 20000/s --duration 30s --connections 100
  sluice-load http://127.0.0.1:8080/telemetry --sample --stages 30s@5k,1m@50k,10s@0 --arrivals poisson
  sluice-load http://127.0.0.1:8080/telemetry --sample --users 64 --pipeline 16
  sluice-load http://127.0.0.1:8080/health --users 100 --think 1s-3s --threshold 'p95<200ms' 'errors<1%'

Open loop (--rate, --stages): requests fall due by a schedule that is fixed in advance, like those of devices that know
nothing of one another. A stalled server delays them, and the corrected latency, from the time at which each should have
been sent, shows it. Closed loop (--users): N users who wait for their answers; a stalled server makes them send less.

Three latencies are measured: corrected (intended start to response: the headline), uncorrected (sent to response: the
server alone) and lag (intended start to sent). Requests that time out count with the time until they were given up.

Exit codes:
  0  the run is valid and holds its thresholds
  1  a threshold was missed
  2  wrong command line
  3  INVALID: the run measured the generator and not the server; the summary says why
  4  the run could not begin: unreachable target, no io_uring, a file that cannot be written)";

std::string without_final_line_feeds(std::string text) {
    while (text.ends_with('\n')) text.pop_back();
    return text;
}

Invocation shown(std::string text) {
    Invocation invocation;
    invocation.command = Invocation::Command::show;
    invocation.text = std::move(text);
    return invocation;
}

std::unexpected<PlanError> usage_error(const std::string& sentence) {
    return std::unexpected(PlanError{sentence + "; see sluice-load --help"});
}

}  // namespace

std::expected<Invocation, PlanError> parse_command_line(int argc, const char* const* argv) {
    CLI::App app{"Measures HTTP servers: open or closed loop, honest latencies, constant memory.", "sluice-load"};
    RunOptions options;
    Invocation invocation;
    declare(app, options);
    declare(app, invocation.outputs);
    app.set_version_flag("--version", "sluice-load " SLUICE_VERSION, "Print the version and exit");
    app.footer(help_footer);
    if (argc <= 1) return std::unexpected(PlanError{"no URL was given\n\n" + without_final_line_feeds(app.help())});
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return shown(without_final_line_feeds(app.help()) + "\n");
    } catch (const CLI::CallForVersion&) {
        return shown("sluice-load " SLUICE_VERSION "\n");
    } catch (const CLI::ExtrasError&) {
        const auto extras = app.remaining(true);
        return usage_error((extras.empty() ? "an argument" : quoted(extras.front(), 64)) + " is not known here");
    } catch (const CLI::ParseError& error) {
        return usage_error(error.what());
    }
    auto plan = plan_of(options);
    if (!plan) return usage_error(plan.error().sentence);
    invocation.plan = std::move(*plan);
    return invocation;
}

}  // namespace sluice::load
