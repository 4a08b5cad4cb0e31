#include "tools/load/command/run_options.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/core/escape.hpp"
#include "tools/load/command/ledger_body.hpp"
#include "tools/load/command/option_values.hpp"
#include "tools/load/command/run_tag.hpp"
#include "tools/load/command/secret_files.hpp"
#include "tools/load/plan/secrets.hpp"

namespace sluice::load {
namespace {

// With {device} and {seq}, so that a run with --ledger takes it.
constexpr const char* telemetry_sample =
    R"({"device_id":"{device}","type":"{choice:temperature|humidity|pressure|co2}","value":{float:15:35},)"
    R"("unit":"celsius","timestamp":{ts:ms},"seq":{seq}})";
constexpr double duration_s_min = 0.001;
constexpr double duration_s_max = 4e9;
constexpr double by_count_s = 1e7;
constexpr std::uint64_t warmup_ns_max = 5'000'000'000;
// 1 h: the histograms measure no further (make_histogram()).
constexpr std::uint64_t timeout_ns_max = 3'600'000'000'000;
constexpr std::uint64_t spin_ns_max = 1'000'000;
constexpr std::uint64_t devices_count_max = 10'000'000;
// An address of this machine has at most 65,535 ports towards one port of a server.
constexpr std::uint64_t connections_count_max = 60'000;
constexpr std::uint64_t threads_count_max = 256;
constexpr std::uint64_t pipeline_depth_max = 1024;
constexpr std::uint64_t batch_count_max = 100'000;

// The first error of several results.
// All arguments are evaluated before the call: each option is parsed, and the first error in their order is told.
template <typename... Results>
Result<void> first_error(Results... results) {
    Result<void> first;
    const auto keep = [&](const Result<void>& one) {
        if (first && !one) first = one;
    };
    (keep(results), ...);
    return first;
}

// Unless the user gave one of that name.
void add_header(Endpoint& endpoint, std::string_view name, std::string_view value) {
    std::string lower_name(name);
    std::ranges::transform(lower_name, lower_name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (!std::ranges::any_of(endpoint.headers,
                             [&](const auto& header) { return is_same_header(header.first, lower_name); }))
        endpoint.headers.emplace_back(name, value);
}

Result<void> read_headers(const std::vector<std::string>& lines, Endpoint& endpoint) {
    for (const std::string& line : lines) {
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos || !is_header_name(std::string_view(line).substr(0, colon)) ||
            !is_header_value(std::string_view(line).substr(colon + 1)))
            return wrong("--header: " + quoted(without_secrets(line), 64) + " is no header line; write NAME: VALUE");
        const std::size_t value = std::min(line.find_first_not_of(' ', colon + 1), line.size());
        endpoint.headers.emplace_back(line.substr(0, colon), line.substr(value));
    }
    for (const auto& [name, _] : endpoint.headers)
        if (is_own_header(name)) return wrong("--header: " + name + " is written by sluice-load itself");
    return {};
}

bool is_own_body(const Endpoint& endpoint) { return has_writer(endpoint.body_format()); }

// Of --format, or of `format` of a scenario's endpoint: path and body, where none was given.
Result<void> take_format(Endpoint& endpoint) {
    if (!endpoint.format) return {};
    const FormatInfo& format = info_of(*endpoint.format);
    endpoint.path = path_of(format, endpoint.path);
    if (is_own_body(endpoint) && !endpoint.body.empty())
        return wrong("format " + std::string(format.name) +
                     " makes its own bodies of the built-in sample; leave the body out");
    if (!is_own_body(endpoint) && endpoint.body.empty()) endpoint.body = telemetry_sample;
    return {};
}

// --ndjson is the short form of --format ndjson, but for the path, which it leaves as it is.
Result<void> take_ndjson(const RunOptions& options, Endpoint& endpoint) {
    if (!options.is_ndjson) return {};
    if (endpoint.format.value_or(BodyFormat::ndjson) != BodyFormat::ndjson)
        return wrong("--ndjson is --format ndjson: give one of them");
    endpoint.format = BodyFormat::ndjson;
    return {};
}

// The endpoint that the command line describes.
Result<Endpoint> endpoint_of(const RunOptions& options, const Target& target) {
    Endpoint endpoint;
    endpoint.path = target.path;
    endpoint.method = options.method;
    const int bodies_count = int{options.is_sample} + int{!options.body.empty()} + int{!options.body_file.empty()};
    if (bodies_count > 1) return wrong("--sample, --body and --body-file exclude each other");
    if (const auto done = read("--format", options.format, parse_body_format, endpoint.format); !done)
        return std::unexpected(done.error());
    endpoint.body = options.is_sample && !is_own_body(endpoint) ? telemetry_sample : options.body;
    if (!options.body_file.empty()) {
        auto text = read_body_file(options.body_file);
        if (!text) return std::unexpected(text.error());
        endpoint.body = std::move(*text);
    }
    if (const auto done = read_check(options.check, options.status, endpoint.check); !done)
        return std::unexpected(done.error());
    return endpoint;
}

// A template of a head. What it is filled with must not end it: of all fields only {device} has foreign text that its
// own text does not show.
Result<void> check_head_text(const std::string& what, const std::string& text, const RunPlan& plan,
                             bool (*is_allowed)(std::string_view)) {
    const auto parsed = parse_body_template(text);
    if (!parsed) return wrong(what + ": " + parsed.error().sentence);
    const bool has_device =
        std::ranges::any_of(parsed->fields, [](const Field& field) { return field.kind == Field::Kind::device; });
    if (has_device && !is_allowed(plan.device_prefix))
        return wrong(what + ": --device-prefix has characters that must not stand there, as {device} would have them");
    return {};
}

// What says how a body is sent: `--batch and --gzip`; empty: none was given.
std::string body_options_of(const RunOptions& options) {
    std::string given;
    for (const auto& [name, is_given] : {std::pair{"--batch", !options.batch.empty()},
                                         {"--ndjson", options.is_ndjson},
                                         {"--gzip", options.is_gzip},
                                         {"--encoding", !options.encoding.empty()},
                                         {"--chunked", options.is_chunked}})
        if (is_given) given.append(given.empty() ? "" : " and ").append(name);
    return given;
}

bool is_path_text(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

// What no format escapes.
bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.:").contains(c);
}

// What is the same for endpoints of the command line and of scenario files.
Result<void> complete(const RunOptions& options, const RunPlan& plan, Endpoint& endpoint) {
    if (const auto done = take_format(endpoint); !done) return done;
    if (const auto done = take_ndjson(options, endpoint); !done) return done;
    if (const auto parsed = parse_body_template(endpoint.body); !parsed)
        return wrong("the body: " + parsed.error().sentence);
    const bool has_body = endpoint.has_body();
    if (endpoint.method.empty()) endpoint.method = has_body ? "POST" : "GET";
    if (!is_method(endpoint.method))
        return wrong("--method: " + quoted(endpoint.method, 64) + " is no method; write it in capitals");
    // Of several endpoints some may have no body: then these options are for the others.
    if (!has_body && plan.endpoints.size() == 1)
        if (const std::string given = body_options_of(options); !given.empty())
            return wrong(given + " without a body to send");
    if (const auto done = read_headers(options.headers, endpoint); !done) return done;
    if (const auto done = check_head_text("the path", endpoint.path, plan, is_path_text); !done) return done;
    for (const auto& [name, value] : endpoint.headers)
        if (const auto done = check_head_text("the header " + name, value, plan, is_header_value); !done) return done;
    const FormatInfo& format = info_of(endpoint.body_format());
    if (has_body) add_header(endpoint, "Content-Type", format.content_type);
    if (has_body && !format.header_name.empty()) add_header(endpoint, format.header_name, format.header_value);
    if (is_own_body(endpoint) && !std::ranges::all_of(plan.device_prefix, is_plain))
        return wrong("--device-prefix: with --format " + std::string(format.name) +
                     " it has letters, digits, dots, colons, - and _ only");
    return {};
}

Result<void> read_tenants(const RunOptions& options, RunPlan& plan) {
    if (options.tenants.empty()) return {};
    auto tokens = read_token_file(options.tenants);
    if (!tokens) return std::unexpected(tokens.error());
    plan.tokens = std::move(*tokens);
    for (const Endpoint& endpoint : plan.endpoints)
        for (const auto& [name, _] : endpoint.headers)
            if (is_same_header(name, "authorization"))
                return wrong("--tenants: the header Authorization is given already");
    return {};
}

// Before complete(), which adds headers that are not given.
Result<void> add_secret_headers(const RunOptions& options, std::vector<Endpoint>& endpoints) {
    if (options.header_file.empty()) return {};
    const auto headers = read_header_file(options.header_file);
    if (!headers) return std::unexpected(headers.error());
    for (Endpoint& endpoint : endpoints)
        for (const auto& [name, value] : *headers) endpoint.headers.emplace_back(name, literal_template(value));
    return {};
}

Result<void> read_request(const RunOptions& options, RunPlan& plan) {
    const auto done =
        first_error(read("--batch", options.batch, count_within(1, batch_count_max), plan.batch_count),
                    read("--devices", options.devices, count_within(1, devices_count_max), plan.devices_count),
                    read("--zipf", options.zipf, parse_number, plan.zipf_exponent));
    if (!done) return done;
    if (options.is_gzip && !options.encoding.empty()) return wrong("--gzip is --encoding gzip: give one of them");
    if (const auto coding = read("--encoding", options.is_gzip ? "gzip" : options.encoding, parse_coding, plan.coding);
        !coding)
        return coding;
    plan.is_chunked = options.is_chunked;
    if (!options.device_prefix.empty()) plan.device_prefix = options.device_prefix;
    else if (!options.ledger.empty()) plan.device_prefix += draw_run_tag() + "-";
    // With the number behind it: the engine takes a device_id of 128 bytes at most (limits::device_id_bytes_max).
    if (plan.device_prefix.size() > 64) return wrong("--device-prefix: has more than 64 characters");
    if (plan.zipf_exponent < 0 || plan.zipf_exponent > 10)
        return wrong("--zipf: " + quoted(options.zipf, 64) + " is not within 0 and 10");
    plan.endpoints = options.endpoints;
    if (plan.endpoints.empty()) {
        auto endpoint = endpoint_of(options, plan.target);
        if (!endpoint) return std::unexpected(endpoint.error());
        plan.endpoints.push_back(std::move(*endpoint));
    }
    if (const auto added = add_secret_headers(options, plan.endpoints); !added) return added;
    for (Endpoint& endpoint : plan.endpoints)
        if (const auto completed = complete(options, plan, endpoint); !completed) return completed;
    if (const auto tenants = read_tenants(options, plan); !tenants) return tenants;
    // Behind complete(): check_ledger_body() wants templates that parse.
    if (options.ledger.empty()) return {};
    for (const Endpoint& endpoint : plan.endpoints)
        if (const auto checked = is_own_body(endpoint) ? Result<void>{} : check_ledger_body(endpoint.body); !checked)
            return checked;
    return {};
}

// First what excludes what, by whether it was given; then the values.
Result<void> read_load(const RunOptions& options, RunPlan& plan) {
    const bool is_closed = !options.users.empty() || !options.user_stages.empty();
    const bool has_stages = !options.stages.empty() || !options.user_stages.empty();
    if (is_closed && (!options.rate.empty() || !options.stages.empty() || !options.arrivals.empty()))
        return wrong(
            "--rate, --stages and --arrivals make an open loop, --users and --user-stages a closed one; choose one of "
            "them");
    if (!options.rate.empty() && !options.stages.empty()) return wrong("--rate and --stages exclude each other");
    if (!options.users.empty() && !options.user_stages.empty())
        return wrong("--users and --user-stages exclude each other");
    if (has_stages && !options.duration.empty())
        return wrong("the stages say how long the run is; leave --duration out");
    if (!is_closed && !options.think.empty()) return wrong("--think is for users; give --users as well");
    if (is_closed && !options.connections.empty()) return wrong("each user has a connection; leave --connections out");
    if (!options.requests.empty() && (has_stages || !options.duration.empty()))
        return wrong("--requests ends the run by count; leave --duration and stages out");

    double rate = 1000, users = 1;
    Stages stages;
    if (const auto done = first_error(
            read("--rate", options.rate, parse_positive_rate, rate),
            read("--stages", options.stages, parse_rate_stages, stages),
            read("--user-stages", options.user_stages, parse_user_stages, stages),
            read("--users", options.users, count_within(1, connections_count_max), users),
            read("--arrivals", options.arrivals, parse_arrivals, plan.arrivals.kind),
            read("--think", options.think, parse_think, plan.think),
            read("--duration", options.duration, parse_seconds, plan.duration_s),
            read("--requests", options.requests, count_within(1, 1'000'000'000'000), plan.requests_count_max));
        !done)
        return done;
    if (has_stages) plan.duration_s = stages.seconds();
    if (stages.level_max() > connections_count_max && is_closed)
        return wrong("--user-stages: more than " + std::to_string(connections_count_max) + " users");

    const bool is_auto = options.warmup.empty() || options.warmup == "auto";
    // Runs of stages or by count have no warm-up: their first request counts.
    if (is_auto)
        plan.warmup_s = has_stages || plan.requests_count_max != 0
                            ? 0
                            : std::min(plan.duration_s / 10, static_cast<double>(warmup_ns_max) / 1e9);
    else if (const auto done = read("--warmup", options.warmup, parse_seconds, plan.warmup_s); !done) return done;
    if (plan.warmup_s > 0 && plan.requests_count_max != 0)
        return wrong("--requests counts from the first; leave --warmup out");
    if (plan.warmup_s > 0 && has_stages) return wrong("a run of stages has no warm-up; begin with a stage of it");

    // Rates and think times stay; only the run is shorter.
    double time_scale = 1;
    if (const auto done = read("--time-scale", options.time_scale, parse_number, time_scale); !done) return done;
    if (time_scale <= 0)
        return wrong("--time-scale: " + quoted(options.time_scale, 64) + " is not above 0; 10 is ten times as fast");
    if (has_stages) stages = stages.sped_up(time_scale);
    plan.duration_s /= time_scale;
    plan.warmup_s /= time_scale;
    if (plan.duration_s < duration_s_min) return wrong("--duration: a run takes a millisecond at least");

    plan.is_open_loop = !is_closed;
    // A run that ends by count has all the time it needs: 116 days, and far more than its requests take at this rate,
    // also where --arrivals poisson makes the last ones late.
    if (plan.requests_count_max != 0)
        plan.duration_s = by_count_s + (is_closed ? 0 : 100 * static_cast<double>(plan.requests_count_max) / rate);
    // Times are kept in ns of 64 bits.
    plan.duration_s = std::min(plan.duration_s, duration_s_max);
    plan.arrivals.requests_count_max = plan.requests_count_max;
    plan.arrivals.rate = has_stages ? stages : Stages::constant(rate, plan.warmup_s + plan.duration_s);
    plan.users = has_stages ? stages : Stages::constant(users, plan.warmup_s + plan.duration_s);
    return {};
}

Result<void> read_connections(const RunOptions& options, RunPlan& plan) {
    const auto done = first_error(
        read("--connections", options.connections, count_within(1, connections_count_max), plan.connections_count),
        read("--threads", options.threads, count_within(1, threads_count_max), plan.threads_count),
        read("--cores", options.cores, parse_core_list, plan.cores),
        read("--pipeline", options.pipeline, count_within(1, pipeline_depth_max), plan.pipeline_depth),
        read("--requests-per-connection", options.requests_per_connection_max, count_within(1, 1'000'000'000),
             plan.requests_per_connection_max),
        read("--timeout", options.timeout, parse_span_ns, plan.timeout_ns),
        read("--spin", options.spin, parse_span_ns, plan.spin_ns),
        read("--seed", options.seed, parse_count, plan.seed));
    if (!done) return done;
    if (plan.timeout_ns == 0) return wrong("--timeout: " + quoted(options.timeout, 64) + " is no time to wait");
    if (plan.timeout_ns > timeout_ns_max)
        return wrong("--timeout: " + quoted(options.timeout, 64) +
                     " is longer than 1h, and no latency beyond is measured");
    if (plan.spin_ns > spin_ns_max)
        return wrong("--spin: " + quoted(options.spin, 64) + " is longer than 1ms, which would be a busy loop");
    // A thread for each core. If --threads says more, the threads share the cores in turn.
    if (options.threads.empty() && !plan.cores.empty())
        plan.threads_count = static_cast<std::uint32_t>(plan.cores.size());
    // Each thread has connections and devices of its own.
    if (plan.sockets_count() < plan.threads_count) return wrong("there are fewer connections than --threads");
    if (plan.devices_count < plan.threads_count) return wrong("there are fewer --devices than --threads");
    if (!options.ledger.empty() && plan.devices_count < plan.sockets_count())
        return wrong("--ledger: there are fewer --devices than connections, and each device is to keep to one");
    plan.arrivals.seed = plan.seed;
    return {};
}

Result<void> read_judging(const RunOptions& options, RunPlan& plan) {
    for (const std::string& text : options.thresholds) {
        auto threshold = parse_threshold(text);
        if (!threshold) return wrong("--threshold: " + threshold.error().sentence);
        plan.thresholds.push_back(std::move(*threshold));
    }
    return first_error(read("--max-lag", options.max_lag, parse_span_ns, plan.bounds.lag_p99_ns_max),
                       read("--max-cpu", options.max_cpu, parse_share, plan.bounds.cpu_max),
                       read("--min-sent", options.min_sent, parse_share, plan.bounds.sent_min),
                       read("--min-rate", options.min_rate, parse_share, plan.bounds.rate_min),
                       read("--min-open", options.min_open, parse_share, plan.bounds.open_min));
}

}  // namespace

std::expected<void, PlanError> read_check(const std::string& check, const std::string& statuses, ResponseCheck& into,
                                          std::string_view dashes) {
    const std::string status_name = std::string(dashes) + "status", check_name = std::string(dashes) + "check: ";
    if (const auto done = read(status_name, statuses, parse_statuses, into.statuses); !done) return done;
    if (check.empty()) return {};
    const std::size_t equals = check.find('=');
    if (equals == std::string::npos || equals == 0)
        return wrong(check_name + quoted(check, 64) + " has no member; write MEMBER=JSON, such as ok=true");
    into.json_member = check.substr(0, equals);
    into.json_value = check.substr(equals + 1);
    if (!nlohmann::json::accept(into.json_value))
        return wrong(check_name + quoted(into.json_value, 64) + " is no JSON; a text is written as status='\"ok\"'");
    return {};
}

// The target first: endpoints take its path. The load before the connections, because users decide how many of these
// there are.
std::expected<RunPlan, PlanError> plan_of(const RunOptions& options) {
    RunPlan plan;
    if (options.url.empty()) return wrong("no URL was given");
    auto target = parse_target(options.url);
    if (!target) return std::unexpected(target.error());
    plan.target = std::move(*target);
    auto tls = tls_settings_of(options.tls, plan.target);
    if (!tls) return std::unexpected(tls.error());
    plan.tls = std::move(*tls);
    plan.name = options.name.empty() ? without_secrets(options.url) : options.name;
    plan.ledger_path = options.ledger;
    if (const auto done = read_request(options, plan); !done) return std::unexpected(done.error());
    if (const auto done = read_load(options, plan); !done) return std::unexpected(done.error());
    if (const auto done = read_connections(options, plan); !done) return std::unexpected(done.error());
    if (const auto done = read_judging(options, plan); !done) return std::unexpected(done.error());
    return plan;
}

std::string with_place(std::string sentence, const RunOptions& options) {
    for (const ScenarioOption& one : options.scenario_options)
        if (sentence.starts_with(one.option + ": "))
            return one.place + sentence.substr(one.option.size()) + " (line " + std::to_string(one.line) + ")";
    return sentence;
}

std::expected<Search, PlanError> search_of(const RunOptions& options) {
    Search search;
    if (!options.sweep.empty() && !options.slo.empty()) return wrong("--sweep and --slo exclude each other");
    const bool is_wanted = !options.sweep.empty() || !options.slo.empty();
    if (is_wanted && (!options.users.empty() || !options.user_stages.empty() || !options.stages.empty() ||
                      !options.requests.empty()))
        return wrong("--sweep and --slo set the rate of each run; leave users, stages and --requests out");
    if (!options.sweep.empty()) {
        const auto parts = split_list(options.sweep);
        if (!parts) return wrong("--sweep: " + parts.error().sentence);
        for (const std::string& part : *parts) {
            double rate = 0;
            if (const auto done = read("--sweep", part, parse_positive_rate, rate); !done)
                return std::unexpected(done.error());
            search.sweep_rates.push_back(rate);
        }
    }
    if (!options.slo.empty()) {
        const auto parts = split_list(options.slo);
        if (!parts) return wrong("--slo: " + parts.error().sentence);
        for (const std::string& part : *parts) {
            auto bound = parse_threshold(part);
            if (!bound) return wrong("--slo: " + bound.error().sentence);
            search.slo.push_back(std::move(*bound));
        }
    }
    // Only --slo uses these. A sweep has its own rates.
    const auto done = first_error(read("--rate", options.rate, parse_positive_rate, search.rate_first),
                                  read("--rate-max", options.rate_max, parse_positive_rate, search.rate_max));
    if (!done) return std::unexpected(done.error());
    return search;
}

}  // namespace sluice::load
