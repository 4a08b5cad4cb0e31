#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "engine/core/escape.hpp"
#include "tools/load/command/option_values.hpp"
#include "tools/load/command/options.hpp"
#include "tools/load/command/output_options.hpp"
#include "tools/load/command/run_options.hpp"
#include "tools/load/command/secret_files.hpp"
#include "tools/load/plan/secrets.hpp"

namespace sluice::load {
namespace {

constexpr const char* help_footer = R"(Examples:
  sluice-load http://127.0.0.1:8080/telemetry --sample --rate 20000/s --duration 30s --connections 100
  sluice-load http://127.0.0.1:8080/telemetry --sample --stages 30s@5k,1m@50k,10s@0 --arrivals poisson
  sluice-load http://127.0.0.1:8080/telemetry --sample --users 64 --pipeline 16
  sluice-load http://127.0.0.1:8080/telemetry --sample --connections 100 --slo 'p99<5ms,errors<0.1%'
  sluice-load http://127.0.0.1:8080 --format remote-write --batch 500 --rate 200/s
  sluice-load http://127.0.0.1:8080 --scenario tools/load/scenarios/high_concurrency.toml --time-scale 10
  sluice-load https://sluice.example:8443/telemetry --sample --ca ca.pem --header-file token --rate 5k
  sluice-load https://127.0.0.1:8443/telemetry --sample --insecure --users 16 --reconnect-every 1 --tls-resume
  sluice-load http://127.0.0.1:8080/health --users 100 --think 1s-3s --threshold 'p95<200ms' 'errors<1%'

Open loop (--rate, --stages): requests fall due by a schedule that is fixed in advance, like those of independent
devices. The corrected latency of a request begins when it falls due, so it shows a stall of the server.
Closed loop (--users): N users wait for their answers, so a stalled server makes them send less.

Three latencies are measured: corrected (intended start to response: the headline), uncorrected (sent to response: the
server alone) and lag (intended start to sent: the wait for a free connection and, apart in the summary, the generator's own).
Requests that time out or are never sent count with the time until they were given up.

Formats (--format), where they are posted if the URL has no path, and where a sample's {seq} stands:
  json, ndjson                  /telemetry                  member seq
  influx, influx-v2             /write, /api/v2/write       field seq
  remote-write, remote-write-2  /api/v1/write               label seq; in Snappy unless --encoding says otherwise
  otlp, otlp-json               /v1/metrics                 attribute seq of the data point
  protobuf, protobuf-delimited  /telemetry                  member seq (parsers/telemetry/telemetry.proto)
A body of one's own (--body) is JSON or lines, or, with a Content-Type in --header and without --format, anything.
An OTLP answer that rejects data points counts as failed (bad_body).

With https:// the server's certificate is verified as a browser does it: it must be for the URL's host (or --server-name), and
be signed by one whom this machine trusts (or --ca). A latency holds what sealing and opening records takes here. Handshakes
have figures of their own: how many in a second, and how long, the full ones and the resumed ones apart. With
--reconnect-every 1 each request has a handshake, whose time is in the request's corrected latency. Where TLS fails, the
fault is `tls`, and the report says why.
A file of --header-file has a line for each header, such as Authorization: Bearer slc_...; it is sent as it stands there.

Scenario files (--scenario), in TOML; docs/load-scenarios.md describes each key, tools/load/scenarios/ has examples:
  name = "ingest"                           of the run, in reports
  description = "..."                       for readers
  thresholds = ["p95<200ms", "errors<1%"]   as --threshold
  [load]                                    options without their dashes: rate stages arrivals users user-stages think
  user-stages = "10s@50,20s@100"            duration warmup timeout connections pipeline batch devices device-prefix zipf
  [[endpoint]]                              one or more; requests are drawn by their weights
  name = "post a sample"                    gives it figures of its own in every output
  weight = 3                                default 1
  method = "POST"                           default GET, or POST with a body
  path = "/telemetry"                       with the query; a template as --body is
  headers = { X-Key = "abc" }
  body = '{"device_id":"{device}"}'         as --body
  format = "influx"                         as --format; instead of a body
  status = "200,204"                        as --status
  check = "ok=true"                         as --check

A threshold on latency is judged on the requests that succeeded; how fast a server refuses says nothing.

The summary goes to standard output, progress and messages to standard error.

Ctrl-C (SIGINT) or SIGTERM ends a run early: answers are awaited for one second, and what was measured is reported as INVALID.
A second signal ends it at once, without a report. A sweep or search ends with the runs that were complete.

Exit codes:
  0  the run is valid and holds its thresholds
  1  a threshold was missed, or FAILED: more than half of the requests failed, and no --threshold on errors allows it;
     or standard output could not be written
  2  wrong command line
  3  INVALID: the generator was measured and not the server, the plan was not kept, or you ended it; the summary says why
  4  the run could not begin: unreachable target, no TLS with it, no io_uring, a file that cannot be written, or a certificate
     or key that cannot be read
FAILED comes before INVALID, and INVALID before a missed threshold: a run that is FAILED and INVALID exits with 1, one
that is INVALID and misses a threshold with 3)";

constexpr const char* compare_footer = R"(Example:
  sluice-load compare http://127.0.0.1:8080/telemetry http://127.0.0.1:9090/telemetry --sample --rate 5k --rounds 6

The targets take turns, A B B A, so that a drift of the machine affects all of them. Ratios are those of medians over runs,
with bootstrap confidence intervals of 95 %, which are wide for few runs. The same URL given twice shows the noise.
Ctrl-C ends the comparison; complete rounds are reported.
Exit codes: as of a run. 1: more than half of the requests of some run failed; this comes before 3, INVALID)";

constexpr const char* verify_footer = R"(Example:
  sluice-load http://127.0.0.1:8080/telemetry --sample --rate 5k --ledger acknowledged
  sluice-load verify --ledger acknowledged --redis redis://127.0.0.1:6379

A sample is known by its device and its seq, whatever --format it was sent in. The engine must name devices
as by default: by the tag and the label device_id, and by the attribute device.id.
Each run with --ledger has devices of its own, so that it finds its own samples in a Redis that holds others too.
With --device-prefix, give each run another prefix.
Reads the stream and its partitions (layouts fields, json, packed) and the list (layout list).
`reordered` counts samples stored behind a later one of their device in the same stream or list. With
--ledger each device uses one connection, where requests have an order. After a connection broke or timed out, requests
of the next one may overtake those still under way.
Exit codes: 0 nothing is lost, 1 something acknowledged is lost, 2 wrong command line or environment, 4 the ledger is
empty, it or Redis cannot be read, or there is no such stream or list)";

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

// CLI11 keeps references to the members and writes into them when it parses. So a Parser is neither copied nor moved.
struct Parser {
    CLI::App app{"Measures HTTP servers: open or closed loop, honest latencies, constant memory.", "sluice-load"};
    CLI::App* compare = app.add_subcommand("compare", "The same load on several URLs, in turn, and their ratios");
    CLI::App* verify = app.add_subcommand("verify", "Is all that was acknowledged in Redis?");
    RunOptions options, compare_options;
    std::vector<std::string> urls;
    std::string rounds;
    Invocation invocation;

    Parser() {
        app.set_version_flag("--version", "sluice-load " SLUICE_VERSION, "Print the version and exit");
        // A run has no name of its own: its URL may come first.
        app.require_subcommand(0, 1);
        app.footer(help_footer);
        declare_search(app, options);
        declare(app, options);
        declare(app, invocation.outputs);
        declare_compare();
        verify->footer(verify_footer);
        declare(*verify, invocation.verify);
    }

    void declare_compare() {
        compare->footer(compare_footer);
        compare->add_option("URL", urls, "Two or more targets; the first is what the others are compared with")
            ->type_name("");
        compare->add_option("--rounds", rounds, "Runs of each target (default 4; with fewer, ratios have no interval)")
            ->type_name("N");
        compare->add_option("--json", invocation.compare.json_path, "The figures of each run, medians, ratios")
            ->type_name("FILE");
        compare->add_option("--markdown", invocation.compare.markdown_path, "A table")->type_name("FILE");
        compare->add_option("--html", invocation.compare.html_path, "One offline page with plots")->type_name("FILE");
        compare->add_flag("--quiet", invocation.compare.is_quiet, "Only the table");
        declare(*compare, compare_options);
    }
};

// The first of one run's outputs that was asked for; empty: none.
// --json is not among them: it can hold many runs (write_curve_json()).
std::string_view output_of_one_run(const Outputs& outputs, const RunOptions& options) {
    for (const auto& [name, value] : {std::pair{"--csv", &outputs.csv},
                                      {"--hgrm", &outputs.hgrm},
                                      {"--hlog", &outputs.hlog},
                                      {"--html", &outputs.html},
                                      {"--influx", &outputs.influx_url},
                                      {"--ledger", &options.ledger}})
        if (!value->empty()) return name;
    return {};
}

// --threshold takes what follows it, a URL too. A bound has a relation, and no ://.
void take_url_from_thresholds(RunOptions& options) {
    if (!options.url.empty()) return;
    const auto url = std::find_if(options.thresholds.begin(), options.thresholds.end(), [](const std::string& word) {
        return word.contains("://") || word.find_first_of("<>") == std::string::npos;
    });
    if (url == options.thresholds.end()) return;
    options.url = *url;
    options.thresholds.erase(url);
}

OtherFiles files_of(const RunOptions& options) {
    return {.scenario = options.scenario,
            .body_file = options.body_file,
            .ledger = options.ledger,
            .header_file = options.header_file,
            .tenants = options.tenants,
            .ca = options.tls.ca,
            .certificate = options.tls.certificate,
            .key = options.tls.key};
}

void warn_of_files(const RunOptions& options, Invocation& invocation) {
    for (const auto& [option, path] :
         {std::pair{"--header-file", &options.header_file}, {"--tenants", &options.tenants}})
        if (std::string warning = warning_of_file(option, *path); !warning.empty())
            invocation.warnings.push_back(std::move(warning));
}

// The scenario comes first, because it fills what plan_of() reads. Outputs are only checked here; the command opens
// them.
std::expected<Invocation, PlanError> read_run(Parser& parser) {
    RunOptions& options = parser.options;
    take_url_from_thresholds(options);
    const bool has_thresholds = !options.thresholds.empty();  // those of a scenario are no wish of the command line
    if (const auto done = read_scenario(options); !done) return usage_error(done.error().sentence);
    auto plan = plan_of(options);
    if (!plan) return usage_error(with_place(plan.error().sentence, options));
    if (!plan->tls)
        if (const auto done = check_unused(options.tls); !done) return usage_error(done.error().sentence);
    resolve_stdout(parser.invocation.outputs);
    if (const auto done = check_outputs(parser.invocation.outputs, files_of(options)); !done)
        return usage_error(done.error().sentence);
    auto search = search_of(options);
    if (!search) return usage_error(search.error().sentence);
    if (const auto output = output_of_one_run(parser.invocation.outputs, options);
        search->is_wanted() && !output.empty())
        return usage_error(std::string(output) + " is of one run; --sweep and --slo make many, and write --json");
    if (!search->slo.empty() && has_thresholds) return usage_error("--slo says what must hold; leave --threshold out");
    warn_of_files(options, parser.invocation);
    parser.invocation.plan = std::move(*plan);
    parser.invocation.search = std::move(*search);
    return std::move(parser.invocation);
}

// One set of options makes all plans. So they differ in target and name only, and draw the same random numbers.
std::expected<Invocation, PlanError> read_compare(Parser& parser) {
    Invocation& invocation = parser.invocation;
    invocation.command = Invocation::Command::compare;
    if (!parser.compare_options.thresholds.empty()) return usage_error("compare states ratios; leave --threshold out");
    resolve_stdout(invocation.compare);
    if (const auto done = check_outputs(invocation.compare, files_of(parser.compare_options)); !done)
        return usage_error(done.error().sentence);
    if (parser.urls.size() < 2) return usage_error("compare takes two URLs or more");
    // With fewer rounds than bootstrap_runs_min the ratios have no intervals.
    if (const auto done = read("--rounds", parser.rounds, count_within(2, 1000), invocation.compare.rounds_count);
        !done)
        return usage_error(done.error().sentence);
    for (const std::string& url : parser.urls) {
        parser.compare_options.url = url;
        auto plan = plan_of(parser.compare_options);
        if (!plan) return usage_error(plan.error().sentence);
        invocation.compare.plans.push_back(std::move(*plan));
    }
    if (std::ranges::none_of(invocation.compare.plans, [](const RunPlan& plan) { return plan.tls.has_value(); }))
        if (const auto done = check_unused(parser.compare_options.tls); !done)
            return usage_error(done.error().sentence);
    warn_of_files(parser.compare_options, invocation);
    return std::move(invocation);
}

}  // namespace

std::expected<Invocation, PlanError> parse_command_line(int argc, const char* const* argv) {
    Parser parser;
    if (argc <= 1)
        return std::unexpected(PlanError{"no URL was given\n\n" + without_final_line_feeds(parser.app.help())});
    // CLI11 reports by exceptions, which end here.
    try {
        parser.app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return shown(without_final_line_feeds(parser.app.help()) + "\n");
    } catch (const CLI::CallForVersion&) {
        return shown("sluice-load " SLUICE_VERSION "\n");
    } catch (const CLI::ExtrasError&) {
        // It may be a secret that stands in the wrong place, such as the value of an option that is written wrongly.
        const auto extras = parser.app.remaining(true);
        return usage_error((extras.empty() ? "an argument" : quoted(without_secrets(extras.front()), 64)) +
                           " is not known here");
    } catch (const CLI::ParseError& error) {
        return usage_error(error.what());
    }
    if (parser.compare->parsed()) return read_compare(parser);
    if (!parser.verify->parsed()) return read_run(parser);
    if (const auto done = check_redis_url(parser.invocation.verify.redis_url); !done)
        return usage_error(done.error().sentence);
    resolve_stdout(parser.invocation.verify);
    if (const auto done = check_outputs(parser.invocation.verify); !done) return usage_error(done.error().sentence);
    parser.invocation.command = Invocation::Command::verify;
    return std::move(parser.invocation);
}

}  // namespace sluice::load
