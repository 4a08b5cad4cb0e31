#include "tools/load/report/json.hpp"

#include <nlohmann/json.hpp>

#include "tools/load/report/output_file.hpp"
#include "tools/load/report/quantity.hpp"
#include "tools/load/result/percentiles.hpp"

namespace sluice::load {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Environment& environment) {
    return {{"version", environment.version},
            {"commit", environment.commit},
            {"host", environment.host},
            {"cpu", environment.cpu},
            {"cores", environment.cores_count},
            {"kernel", environment.kernel},
            {"command_line", environment.command_line},
            {"server_command_line", environment.server_command_line}};
}

Json faults_of(const Counts& counts) {
    Json faults = Json::object();
    for (std::size_t i = 0; i < faults_count; ++i)
        faults[std::string(name_of(static_cast<Fault>(i)))] = counts.faults[i];
    return faults;
}

Json statuses_of(const Counts& counts) {
    Json statuses = Json::object();
    for (std::size_t status = 0; status < counts.statuses.size(); ++status) {
        if (counts.statuses[status] != 0) statuses[std::to_string(status)] = counts.statuses[status];
    }
    return statuses;
}

Json acks_of(const Counts& counts) {
    Json acks = Json::object();
    for (std::size_t i = 0; i < ack_levels_count; ++i)
        if (counts.acks[i] != 0) acks[std::string(name_of(static_cast<AckLevel>(i)))] = counts.acks[i];
    return acks;
}

Json json_of(const Counts& counts) {
    return {{"planned", counts.planned},
            {"sent", counts.sent},
            {"responses", counts.responses},
            {"succeeded", counts.succeeded},
            {"failed", counts.failed()},
            {"samples", counts.samples},
            {"connects", counts.connects},
            {"sent_bytes", counts.sent_bytes},
            {"received_bytes", counts.received_bytes},
            {"unsolicited", counts.unsolicited},
            {"faults", faults_of(counts)},
            {"statuses", statuses_of(counts)},
            {"acks", acks_of(counts)}};
}

Json json_of(const Histogram& histogram) {
    const bool is_empty = count_of(histogram) == 0;
    const auto figure = [&](auto ns) { return is_empty ? Json() : Json(ns); };  // of nothing is not 0
    Json percentiles = Json::object();
    for (const Percentile& percentile : headline_percentiles)
        percentiles[std::string(percentile.name)] = figure(value_at_ns(histogram, percentile.value));
    return {{"count", count_of(histogram)},          {"min_ns", figure(min_ns(histogram))},
            {"mean_ns", figure(mean_ns(histogram))}, {"stddev_ns", figure(deviation_ns(histogram))},
            {"max_ns", figure(max_ns(histogram))},   {"percentiles_ns", std::move(percentiles)}};
}

Json json_of(const TlsFigures& tls, double duration_s) {
    const auto handshakes = [&](const Histogram& histogram) {
        return Json{{"rate", static_cast<double>(count_of(histogram)) / duration_s}, {"latency", json_of(histogram)}};
    };
    Json failures = Json::array();
    for (const TlsFigures::Failure& failure : tls.failures)
        failures.push_back({{"sentence", failure.sentence}, {"count", failure.count}});
    return {{"agreed", tls.agreed.empty() ? Json() : Json(tls.agreed)},
            {"verified", tls.is_verified},
            {"handshakes",
             {{"full", handshakes(tls.handshakes.full)},
              {"resumed", handshakes(tls.handshakes.resumed)},
              {"before_run", {{"latency", json_of(tls.before_run)}}}}},
            {"failures", std::move(failures)}};
}

Json json_of(const EndpointFigures& endpoint) {
    const Counts& counts = endpoint.counts;
    return {{"name", endpoint.name},
            {"sent", counts.sent},
            {"responses", counts.responses},
            {"succeeded", counts.succeeded},
            {"failed", counts.failed()},
            {"samples", counts.samples},
            {"faults", faults_of(counts)},
            {"statuses", statuses_of(counts)},
            {"latency",
             {{"corrected", json_of(endpoint.corrected)},
              {"succeeded", json_of(difference_of(endpoint.corrected, endpoint.failed))},
              {"failed", json_of(endpoint.failed)}}}};
}

Json json_of(const Second& second) {
    const auto latency = [](std::uint64_t ns) { return ns == 0 ? Json() : Json(ns); };
    return {{"begin_s", second.begin_s},
            {"end_s", second.end_s},
            {"warmup", second.is_warmup},
            {"planned", second.planned},
            {"sent", second.sent},
            {"responses", second.responses},
            {"failed", second.failed},
            {"p50_ns", latency(second.p50_ns)},
            {"p90_ns", latency(second.p90_ns)},
            {"p99_ns", latency(second.p99_ns)},
            {"p99.9_ns", latency(second.p999_ns)},
            {"max_ns", latency(second.max_ns)},
            {"uncorrected_p99_ns", latency(second.uncorrected_p99_ns)},
            {"lag_p99_ns", latency(second.lag_p99_ns)},
            {"open_connections", second.open_connections_count}};
}

Json json_of(const RunResult& result) {
    Json seconds = Json::array();
    for (const Second& second : result.seconds) seconds.push_back(json_of(second));
    Json thresholds = Json::array();
    for (const ThresholdResult& threshold : result.thresholds) {
        thresholds.push_back({{"text", threshold.text}, {"measured", threshold.measured}, {"holds", threshold.holds}});
    }
    Json endpoints = Json::array();
    for (const EndpointFigures& endpoint : result.endpoints) endpoints.push_back(json_of(endpoint));
    const Latencies& latencies = result.latencies;
    return {{"format", "sluice-load/1"},
            {"verdict", name_of(result.verdict())},
            {"failure", result.failure.empty() ? Json() : Json(result.failure)},
            {"valid", result.is_valid()},
            {"invalid_reasons", result.invalid_reasons},
            {"target", result.target},
            {"plan", result.plan},
            {"loop", result.is_open_loop ? "open" : "closed"},
            {"began_at", utc_text_of(result.began_at_ms)},
            {"duration_s", result.duration_s},
            {"warmup_s", result.warmup_s},
            {"planned_rate", result.is_open_loop ? Json(result.planned_rate) : Json()},
            {"achieved_rate", result.achieved_rate},
            {"cpu_busiest", result.cpu_busiest},
            {"own_lag_p99_ns", result.own_lag_p99_ns},
            {"environment", json_of(result.environment)},
            {"totals", json_of(result.totals)},
            {"latency",
             {{"corrected", json_of(latencies.corrected)},
              {"uncorrected", json_of(latencies.uncorrected)},
              {"lag", json_of(latencies.lag)},
              {"succeeded", json_of(difference_of(latencies.corrected, latencies.failed))},
              {"failed", json_of(latencies.failed)}}},
            {"tls", result.tls ? json_of(*result.tls, result.duration_s) : Json()},
            {"endpoints", std::move(endpoints)},
            {"seconds", std::move(seconds)},
            {"thresholds", std::move(thresholds)}};
}

void write(const Json& document, std::FILE* stream) {
    constexpr int indent = 2;
    put(stream, document.dump(indent, ' ', false, Json::error_handler_t::replace));
    put(stream, "\n");
}

}  // namespace

void write_json(const RunResult& result, std::FILE* stream) { write(json_of(result), stream); }

void write_curve_json(const std::vector<RunResult>& runs, std::optional<double> highest_rate, std::FILE* stream) {
    Json list = Json::array();
    for (const RunResult& run : runs) list.push_back(json_of(run));
    write({{"format", "sluice-load-curve/1"},
           {"highest_rate", highest_rate ? Json(*highest_rate) : Json()},
           {"runs", std::move(list)}},
          stream);
}

}  // namespace sluice::load
