// GET /status: the engine as JSON.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/admin/admin_service.hpp"
#include "engine/core/clock.hpp"
#include "engine/server/backend_choice.hpp"

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

std::string_view state_name(const EngineState& state) {
    if (state.draining.load(std::memory_order_relaxed)) return "draining";
    return state.paused.load(std::memory_order_relaxed) ? "paused" : "running";
}

// The sample as the client sent it; it was valid JSON when it was accepted.
Json latest_sample(const EngineView& view) {
    const LatestSample* latest = nullptr;
    for (const auto& reactor : view.reactors)
        if (reactor->latest.bytes != 0 && (latest == nullptr || reactor->latest.arrival_ns > latest->arrival_ns))
            latest = &reactor->latest;
    if (latest == nullptr) return nullptr;
    return Json::parse(latest->view(), nullptr, false);
}

Json rejections(const SampleCounters& samples) {
    Json json = Json::object();
    for (std::size_t i = 0; i < refusals_count; ++i)
        if (samples.rejected[i] != 0) json[std::string(refusal_table[i].code)] = samples.rejected[i];
    return json;
}

Json samples_json(const SampleCounters& samples, std::uint64_t in_flight) {
    Json dropped = Json::object();
    if (samples.dropped_sink_refused != 0) dropped["sink_refused"] = samples.dropped_sink_refused;
    return {{"received", samples.received}, {"accepted", samples.accepted},    {"delivered", samples.delivered},
            {"in_flight", in_flight},       {"rejected", rejections(samples)}, {"dropped", std::move(dropped)}};
}

Json refused_requests(const http::HttpCounters& http) {
    Json json = Json::object();
    for (std::size_t i = 0; i < refusals_count; ++i)
        if (http.refusals[i] != 0) json[std::string(refusal_table[i].code)] = http.refusals[i];
    return json;
}

Json reactor_json(const Snapshot& reactor) {
    return {
        {"core", reactor.core},
        {"connections", reactor.loop.open_slots},
        {"connections_accepted", reactor.loop.accepted},
        {"requests", reactor.http.requests},
        {"samples", samples_json(reactor.samples, reactor.in_flight_samples)},
        {"is_conserved", reactor.samples.is_conserved(reactor.in_flight_samples)},
        {"responses",
         {{"2xx", reactor.http.responses[2]}, {"4xx", reactor.http.responses[4]}, {"5xx", reactor.http.responses[5]}}},
        {"requests_refused", refused_requests(reactor.http)},
        {"batches", {{"in_use", reactor.batches_in_use}, {"count", reactor.batches_count}}},
        {"body_bytes_in_use", reactor.body_bytes_in_use},
        {"received_bytes", reactor.loop.received_bytes},
        {"sent_bytes", reactor.loop.sent_bytes},
        {"buffer_shortages", reactor.loop.buffer_shortages},
        {"accept_pauses", reactor.loop.accept_pauses},
        {"accept_errors", reactor.loop.accept_errors},
        {"idle_timeouts", reactor.http.idle_timeouts},
        {"write_timeouts", reactor.http.write_timeouts},
        {"aborted_connections", reactor.http.aborted_connections},
        {"loop_iterations", reactor.loop.iterations},
        {"loop_iteration_us_max", static_cast<double>(reactor.loop.iteration_ns_max) / 1e3}};
}

Json cluster_json(const sinks::Sink& sink, const sinks::ClusterFigures& figures) {
    Json json{{"redirects_moved", load(figures.redirects_moved)},
              {"redirects_ask", load(figures.redirects_ask)},
              {"refreshes", load(figures.refreshes)},
              {"partitions_away", sinks::lanes_away_count(sink.signal())},
              {"nodes", Json::array()}};
    for (const sinks::NodeView& node : sink.nodes())
        json["nodes"].push_back(
            {{"address", node.address}, {"state", sinks::name_of(node.state)}, {"partitions", node.partitions_count}});
    return json;
}

Json breaker_json(const sinks::Sink& sink) {
    const sinks::DeliveryFigures& figures = sink.figures().delivery;
    const std::uint64_t retry_ns = load(sink.signal().breaker_retry_ns);
    const std::uint64_t now_ns = monotonic_ns();
    Json json{{"state", sinks::name_of(sink.signal().breaker.load(std::memory_order_relaxed))},
              {"opens", load(figures.breaker_opens)},
              {"failures", figures.breaker_failures.load(std::memory_order_relaxed)}};
    if (retry_ns != 0) json["retry_in_s"] = retry_ns > now_ns ? static_cast<double>(retry_ns - now_ns) / 1e9 : 0.0;
    return json;
}

Json sink_json(const sinks::Sink& sink) {
    const sinks::SinkFigures figures = sink.figures();
    const sinks::DeliveryFigures& delivery = figures.delivery;
    Json json{{"state", sinks::name_of(delivery.state.load(std::memory_order_relaxed))},
              {"trouble", sink.trouble()},
              {"batches_sent", load(delivery.batches_sent)},
              {"batches_resent", load(delivery.batches_resent)},
              {"bytes_sent", load(delivery.bytes_sent)},
              {"replies_ok", load(delivery.replies_ok)},
              {"replies_busy", load(delivery.replies_busy)},
              {"replies_refused", load(delivery.replies_refused)},
              {"connects", figures.link == nullptr ? 0 : load(figures.link->connects)},
              {"connection_failures", figures.link == nullptr ? 0 : load(figures.link->connection_failures)},
              {"breaker", breaker_json(sink)}};
    if (const auto* const replication = figures.replication; replication != nullptr && load(replication->waits) != 0)
        json["replication"] = {{"waits", load(replication->waits)}, {"waits_short", load(replication->waits_short)}};
    if (const auto* const journal = figures.journal; journal != nullptr)
        json["journal"] = {
            {"syncs", load(journal->syncs)}, {"bytes", load(journal->bytes)}, {"bytes_max", load(journal->bytes_max)}};
    if (figures.cluster != nullptr && !sink.nodes().empty()) json["cluster"] = cluster_json(sink, *figures.cluster);
    return json;
}

Json position_json(const sinks::journal::Position& position) {
    return {{"segment", position.segment}, {"offset", position.offset}};
}

Json forwarder_json(const forward::Forwarder& forwarder) {
    const forward::Forwarder::View view = forwarder.view();
    Json json{{"state", sinks::name_of(view.state)},        {"trouble", view.trouble},
              {"breaker", breaker_json(forwarder.sink())},  {"delivered_samples", view.delivered_samples_count},
              {"damaged_bytes", view.damaged_bytes},        {"records_refused", view.records_refused_count},
              {"delivered", position_json(view.delivered)}, {"journaled", position_json(view.confirmed)}};
    if (!view.instance.empty())
        json["exactly_once"] = {{"instance", view.instance}, {"duplicates_refused", view.duplicates_refused_count}};
    const sinks::Sink& sink = forwarder.sink();
    const sinks::ClusterFigures* const cluster = sink.figures().cluster;
    if (cluster != nullptr && !sink.nodes().empty()) json["cluster"] = cluster_json(sink, *cluster);
    return json;
}

Json admission_json(const EngineView& view) {
    const admission::Board& board = view.state.admission;
    const auto figure = [](const admission::SharedFigure& shared) {
        return shared.get() ? Json(*shared.get()) : Json(nullptr);
    };
    const auto load = [](const std::atomic<std::uint64_t>& value) { return value.load(std::memory_order_relaxed); };
    const auto passed = admission::refusal_of(board.judged.load(std::memory_order_relaxed));
    return {{"sheds", board.refusal().has_value()},
            {"passed_bound", passed ? Json(std::string(info_of(*passed).code)) : Json(nullptr)},
            {"trouble", board.trouble.text()},
            {"stream_length", figure(board.length_sum)},
            {"stream_length_longest", figure(board.length_max)},
            {"group_lag", figure(board.group_lag_max)},
            {"redis_used_bytes", figure(board.used_bytes)},
            {"redis_maxmemory_bytes", figure(board.limit_bytes)},
            {"samples", load(board.samples)},
            {"failures", load(board.failures)}};
}

Json idempotency_json(const IdempotencyTable::Figures& figures) {
    return {{"keys", figures.keys},
            {"in_progress", figures.in_progress},
            {"replayed", figures.replayed},
            {"conflicts", figures.conflicts},
            {"mismatches", figures.mismatches},
            {"evicted_early", figures.evicted_early},
            {"refused_full", figures.refused_full},
            {"released_partly", figures.released_partly}};
}

Json stages_json(const Latency& latency) {
    Json stages = Json::object();
    for (std::size_t i = 0; i < stages_count; ++i) {
        const LatencyHistogram& histogram = latency.of(static_cast<Stage>(i));
        const auto us = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e3; };
        stages[std::string(name_of(static_cast<Stage>(i)))] = {{"count", histogram.count()},
                                                               {"p50_us", us(histogram.value_at_ns(50))},
                                                               {"p90_us", us(histogram.value_at_ns(90))},
                                                               {"p99_us", us(histogram.value_at_ns(99))},
                                                               {"p999_us", us(histogram.value_at_ns(99.9))},
                                                               {"max_us", us(histogram.max_ns())}};
    }
    return stages;
}

// The busiest reactor's share of the connections over an even share: 1 is even. 0 without connections.
double imbalance(const EngineView& view) {
    std::uint64_t total = 0;
    std::uint64_t greatest = 0;
    for (const auto& reactor : view.reactors) {
        total += reactor->loop.open_slots;
        greatest = std::max(greatest, reactor->loop.open_slots);
    }
    return total == 0
               ? 0.0
               : static_cast<double>(greatest) * static_cast<double>(view.reactors.size()) / static_cast<double>(total);
}

}  // namespace

std::string render_status(const EngineView& view) {
    SampleCounters total;
    Latency latency;
    std::uint64_t requests = 0;
    std::uint64_t in_flight = 0;
    Json reactors = Json::array();
    for (const auto& reactor : view.reactors) {
        total.add(reactor->samples);
        latency.add(reactor->latency);
        requests += reactor->http.requests;
        in_flight += reactor->in_flight_samples;
        reactors.push_back(reactor_json(*reactor));
    }
    Json sinks = Json::array();
    for (const auto& thread : view.sinks) sinks.push_back(sink_json(thread->sink()));
    const Readiness::Verdict verdict = view.readiness.verdict();
    Json status{{"state", state_name(view.state)},
                {"latest_sample", latest_sample(view)},
                {"metrics",
                 {{"samples_processed", total.delivered},
                  {"samples_dropped", total.dropped_sink_refused},
                  {"pool_jobs_processed", requests},
                  {"pool_jobs_queued", in_flight},
                  {"pool_num_threads", view.reactors.size()}}},
                {"version", SLUICE_VERSION},
                {"uptime_s", static_cast<double>(view.uptime_ns) / 1e9},
                {"ready", verdict.is_ready},
                {"not_ready_reason", verdict.reason},
                {"ack", name_of(view.config.ack)},
                {"sink", view.config.sink.url.display},
                {"io_backend", io::name_of(backend_of(view.config))},
                {"samples", samples_json(total, in_flight)},
                {"imbalance", imbalance(view)},
                {"reactors", std::move(reactors)},
                {"latency", {{"stages", stages_json(latency)}}},
                {"sinks", std::move(sinks)}};
    if (view.state.admission.is_on.load(std::memory_order_relaxed)) status["admission"] = admission_json(view);
    if (view.forwarder != nullptr) status["forwarder"] = forwarder_json(*view.forwarder);
    if (view.idempotency != nullptr) status["idempotency"] = idempotency_json(view.idempotency->figures());
    return status.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace sluice
