#include "tools/load/command/run_options.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "engine/config/units.hpp"
#include "engine/core/escape.hpp"

namespace sluice::load {
namespace {

constexpr const char* telemetry_sample =
    R"({"device_id":"{device}","type":"{choice:temperature|humidity|pressure|co2}","value":{float:15:35},)"
    R"("unit":"celsius","timestamp":{ts:ms},"seq":{seq}})";
constexpr std::uint64_t warmup_ns_max = 5'000'000'000;
constexpr std::uint64_t devices_count_max = 10'000'000;
constexpr std::uint64_t connections_count_max = 60'000;
constexpr std::uint64_t threads_count_max = 256;
constexpr std::uint64_t pipeline_depth_max = 1024;
constexpr std::uint64_t batch_count_max = 100'000;

template <typename T>
using Result = std::expected<T, PlanError>;

std::unexpected<PlanError> wrong(std::string sentence) { return std::unexpected(PlanError{std::move(sentence)}); }

// Parses `text` into `value` unless it is empty; the sentence of an error begins with the option's name.
template <typename Parse, typename T>
Result<void> read(const char* option, const std::string& text, Parse parse, T& value) {
    if (text.empty()) return {};
    auto parsed = parse(text);
    if (!parsed) return wrong(std::string(option) + ": " + parsed.error().sentence);
    value = static_cast<T>(*parsed);
    return {};
}

// A count of `min` to `max`.
auto count_within(std::uint64_t min, std::uint64_t max) {
    return [=](std::string_view text) -> Result<std::uint64_t> {
        auto count = parse_count(text);
        if (count && (*count < min || *count > max))
            return wrong(quoted(text, 64) + " is not within " + std::to_string(min) + " and " + std::to_string(max));
        return count;
    };
}

Result<double> parse_share(std::string_view text) {
    const bool is_percent = text.ends_with('%');
    const auto number = parse_number(is_percent ? text.substr(0, text.size() - 1) : text);
    if (!number) return number;
    const double share = is_percent ? *number / 100 : *number;
    if (share < 0 || share > 1) return wrong(quoted(text, 64) + " is no share; write it as 95% or 0.95");
    return share;
}

Result<double> parse_seconds(std::string_view text) {
    const auto ns = parse_span_ns(text);
    if (!ns) return std::unexpected(ns.error());
    return static_cast<double>(*ns) / 1e9;
}

Result<double> parse_positive_rate(std::string_view text) {
    auto rate = parse_rate(text);
    if (rate && (*rate <= 0 || *rate > 1e8)) return wrong(quoted(text, 64) + " is not within 0/s and 100M/s");
    return rate;
}

Result<ThinkTime> parse_think(std::string_view text) {
    const std::size_t dash = text.find('-');
    const auto low = parse_span_ns(text.substr(0, dash));
    const auto high = dash == std::string_view::npos ? low : parse_span_ns(text.substr(dash + 1));
    if (!low || !high) return std::unexpected(low ? high.error() : low.error());
    if (*low > *high) return wrong(quoted(text, 64) + " has its bounds the wrong way round");
    return ThinkTime{*low, *high};
}

Result<ArrivalKind> parse_arrivals(std::string_view text) {
    if (text == "constant") return ArrivalKind::constant;
    if (text == "poisson") return ArrivalKind::poisson;
    return wrong(quoted(text, 64) + " is neither constant nor poisson");
}

Result<std::vector<unsigned>> parse_core_list(std::string_view text) {
    auto cores = config::parse_cores(text);
    if (!cores) return wrong(quoted(text, 64) + " is no list of cores; write it as 0,2-3");
    return std::move(*cores);
}

Result<std::string> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (!file || !(text << file.rdbuf())) return wrong("--body-file: cannot read " + quoted(path, 256));
    return text.str();
}

Result<std::vector<std::uint16_t>> parse_statuses(std::string_view text) {
    std::vector<std::uint16_t> statuses;
    while (true) {
        const std::size_t end = std::min(text.find(','), text.size());
        const auto status = count_within(200, 599)(text.substr(0, end));
        if (!status) return std::unexpected(status.error());
        statuses.push_back(static_cast<std::uint16_t>(*status));
        if (end == text.size()) return statuses;
        text.remove_prefix(end + 1);
    }
}

// The first error of several results.
template <typename... Results>
Result<void> first_error(Results... results) {
    Result<void> first;
    const auto keep = [&](const Result<void>& one) {
        if (first && !one) first = one;
    };
    (keep(results), ...);
    return first;
}

bool has_header(const std::vector<std::pair<std::string, std::string>>& headers, std::string_view lower_name) {
    return std::any_of(headers.begin(), headers.end(), [&](const auto& header) {
        return std::equal(header.first.begin(), header.first.end(), lower_name.begin(), lower_name.end(),
                          [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
    });
}

Result<void> read_headers(const RunOptions& options, Endpoint& endpoint) {
    for (const std::string& line : options.headers) {
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos || colon == 0 || line.find_first_of("\r\n") != std::string::npos)
            return wrong("--header: " + quoted(line, 64) + " is no header line; write NAME: VALUE");
        const std::size_t value = std::min(line.find_first_not_of(' ', colon + 1), line.size());
        endpoint.headers.emplace_back(line.substr(0, colon), line.substr(value));
    }
    for (const char* name : {"host", "content-length", "content-encoding", "transfer-encoding"})
        if (has_header(endpoint.headers, name) && std::string_view(name) != "host")
            return wrong("--header: " + std::string(name) + " is written by sluice-load itself");
    return {};
}

Result<void> read_request(const RunOptions& options, RunPlan& plan) {
    Endpoint endpoint;
    endpoint.path = plan.target.path;
    const int bodies_count = int{options.is_sample} + int{!options.body.empty()} + int{!options.body_file.empty()};
    if (bodies_count > 1) return wrong("--sample, --body and --body-file exclude each other");
    endpoint.body = options.is_sample ? telemetry_sample : options.body;
    if (!options.body_file.empty()) {
        auto text = read_file(options.body_file);
        if (!text) return std::unexpected(text.error());
        endpoint.body = std::move(*text);
    }
    if (const auto parsed = parse_body_template(endpoint.body); !parsed)
        return wrong("the body: " + parsed.error().sentence);
    const bool has_body = !endpoint.body.empty();
    endpoint.method = !options.method.empty() ? options.method : has_body ? "POST" : "GET";
    if (!std::all_of(endpoint.method.begin(), endpoint.method.end(), [](char c) { return c >= 'A' && c <= 'Z'; }))
        return wrong("--method: " + quoted(endpoint.method, 64) + " is no method; write it in capitals");
    if (const auto done =
            first_error(read_headers(options, endpoint),
                        read("--batch", options.batch, count_within(1, batch_count_max), plan.batch_count),
                        read("--devices", options.devices, count_within(1, devices_count_max), plan.devices_count),
                        read("--zipf", options.zipf, parse_number, plan.zipf_exponent),
                        read("--status", options.status, parse_statuses, endpoint.check.statuses));
        !done)
        return done;
    if (!has_body && (plan.batch_count != 0 || options.is_gzip)) return wrong("--batch and --gzip need a body");
    if (options.is_ndjson && plan.batch_count == 0) plan.batch_count = 1;
    plan.batch_form = options.is_ndjson ? BatchForm::ndjson : BatchForm::array;
    plan.is_gzip = options.is_gzip;
    if (!options.device_prefix.empty()) plan.device_prefix = options.device_prefix;
    if (plan.device_prefix.size() > 64) return wrong("--device-prefix has more than 64 characters");
    if (plan.zipf_exponent < 0 || plan.zipf_exponent > 10) return wrong("--zipf is not within 0 and 10");
    if (has_body && !has_header(endpoint.headers, "content-type"))
        endpoint.headers.emplace_back("Content-Type", options.is_ndjson ? "application/x-ndjson" : "application/json");
    if (!options.check.empty()) {
        const std::size_t equals = options.check.find('=');
        if (equals == std::string::npos || equals == 0) return wrong("--check: write MEMBER=JSON, such as ok=true");
        endpoint.check.json_member = options.check.substr(0, equals);
        endpoint.check.json_value = options.check.substr(equals + 1);
    }
    plan.endpoints.push_back(std::move(endpoint));
    return {};
}

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
    if (plan.duration_s <= 0) return wrong("--duration: a run takes longer than nothing");
    if (has_stages) plan.duration_s = stages.seconds();
    if (stages.level_max() > connections_count_max && is_closed)
        return wrong("--user-stages: more than " + std::to_string(connections_count_max) + " users");

    const bool is_auto = options.warmup.empty() || options.warmup == "auto";
    if (is_auto)
        plan.warmup_s = has_stages || plan.requests_count_max != 0
                            ? 0
                            : std::min(plan.duration_s / 10, static_cast<double>(warmup_ns_max) / 1e9);
    else if (const auto done = read("--warmup", options.warmup, parse_seconds, plan.warmup_s); !done) return done;
    if (plan.warmup_s > 0 && plan.requests_count_max != 0)
        return wrong("--requests counts from the first; leave --warmup out");
    if (plan.warmup_s > 0 && has_stages) return wrong("a run of stages has no warm-up; begin with a stage of it");

    plan.is_open_loop = !is_closed;
    // A run that ends by count has all the time it needs.
    if (plan.requests_count_max != 0)
        plan.duration_s = is_closed ? 1e7 : static_cast<double>(plan.requests_count_max) / rate + 1;
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
        read("--requests-per-connection", options.requests_per_connection, count_within(1, 1'000'000'000),
             plan.requests_per_connection),
        read("--timeout", options.timeout, parse_span_ns, plan.timeout_ns),
        read("--seed", options.seed, parse_count, plan.seed));
    if (!done) return done;
    if (plan.timeout_ns == 0) return wrong("--timeout: must be longer than nothing");
    if (options.threads.empty() && !plan.cores.empty())
        plan.threads_count = static_cast<std::uint32_t>(plan.cores.size());
    if (plan.sockets_count() < plan.threads_count) return wrong("there are fewer connections than --threads");
    if (plan.devices_count < plan.threads_count) return wrong("there are fewer --devices than --threads");
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
                       read("--min-open", options.min_open, parse_share, plan.bounds.open_min));
}

}  // namespace

std::expected<RunPlan, PlanError> plan_of(const RunOptions& options) {
    RunPlan plan;
    if (options.url.empty()) return wrong("no URL was given");
    auto target = parse_target(options.url);
    if (!target) return std::unexpected(target.error());
    plan.target = std::move(*target);
    plan.name = options.url;
    plan.ledger_path = options.ledger;
    if (const auto done = read_request(options, plan); !done) return std::unexpected(done.error());
    if (const auto done = read_load(options, plan); !done) return std::unexpected(done.error());
    if (const auto done = read_connections(options, plan); !done) return std::unexpected(done.error());
    if (const auto done = read_judging(options, plan); !done) return std::unexpected(done.error());
    return plan;
}

}  // namespace sluice::load
