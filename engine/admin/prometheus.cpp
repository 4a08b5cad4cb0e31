// GET /metrics: the Prometheus text exposition format, version 0.0.4.
//
// Base units (seconds, bytes), counters end in _total. One family after another, each with HELP and TYPE before its
// first value, as the format demands.
#include <fmt/format.h>

#include <array>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "engine/admin/admin_service.hpp"

namespace sluice {
namespace {

// Bounds of the latency histograms: 10 µs to 10 s, three a decade.
constexpr std::array<std::uint64_t, 19> bounds_ns{
    10'000,      20'000,        50'000,        100'000,       200'000,       500'000,     1'000'000,
    2'000'000,   5'000'000,     10'000'000,    20'000'000,    50'000'000,    100'000'000, 200'000'000,
    500'000'000, 1'000'000'000, 2'000'000'000, 5'000'000'000, 10'000'000'000};

class Exposition {
  public:
    void family(std::string_view name, std::string_view type, std::string_view help) {
        print("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
    }
    template <typename Value>
    void value(std::string_view name, std::string_view labels, Value number) {
        if (labels.empty()) print("{} {}\n", name, number);
        else print("{}{{{}}} {}\n", name, labels, number);
    }
    template <typename... Arguments>
    void print(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
        fmt::format_to(std::back_inserter(text_), format, std::forward<Arguments>(arguments)...);
    }
    [[nodiscard]] std::string take() { return std::move(text_); }

  private:
    std::string text_;
};

// One family with a value for each reactor.
template <typename Get>
void per_reactor(Exposition& out, const EngineView& view, std::string_view name, std::string_view type,
                 std::string_view help, Get get) {
    out.family(name, type, help);
    for (const auto& reactor : view.reactors) out.value(name, fmt::format("core=\"{}\"", reactor->core), get(*reactor));
}

void samples(Exposition& out, const EngineView& view) {
    per_reactor(out, view, "sluice_samples_received_total", "counter", "Records looked at.",
                [](const Snapshot& s) { return s.samples.received; });
    per_reactor(out, view, "sluice_samples_accepted_total", "counter", "Samples made part of a batch.",
                [](const Snapshot& s) { return s.samples.accepted; });
    per_reactor(out, view, "sluice_samples_delivered_total", "counter", "Samples that the sink confirmed.",
                [](const Snapshot& s) { return s.samples.delivered; });
    per_reactor(out, view, "sluice_samples_in_flight", "gauge", "Accepted samples whose fate is open.",
                [](const Snapshot& s) { return s.in_flight_samples; });
    out.family("sluice_samples_dropped_total", "counter",
               "Accepted samples that the sink refused; their clients were told.");
    for (const auto& reactor : view.reactors)
        out.value("sluice_samples_dropped_total", fmt::format("core=\"{}\",reason=\"sink_refused\"", reactor->core),
                  reactor->samples.dropped_sink_refused);
    out.family("sluice_samples_rejected_total", "counter", "Records refused, by reason.");
    for (const auto& reactor : view.reactors)
        for (std::size_t i = 0; i < refusals_count; ++i)
            if (reactor->samples.rejected[i] != 0)
                out.value("sluice_samples_rejected_total",
                          fmt::format("core=\"{}\",reason=\"{}\"", reactor->core, refusal_table[i].code),
                          reactor->samples.rejected[i]);
}

void requests(Exposition& out, const EngineView& view) {
    per_reactor(out, view, "sluice_http_requests_total", "counter", "Requests read whole.",
                [](const Snapshot& s) { return s.http.requests; });
    out.family("sluice_http_responses_total", "counter", "Responses by status class.");
    for (const auto& reactor : view.reactors)
        for (std::size_t i = 2; i < std::size(reactor->http.responses); ++i)
            out.value("sluice_http_responses_total", fmt::format("core=\"{}\",class=\"{}xx\"", reactor->core, i),
                      reactor->http.responses[i]);
    out.family("sluice_http_requests_refused_total", "counter", "Requests refused as a whole, by reason.");
    for (const auto& reactor : view.reactors)
        for (std::size_t i = 0; i < refusals_count; ++i)
            if (reactor->http.refusals[i] != 0)
                out.value("sluice_http_requests_refused_total",
                          fmt::format("core=\"{}\",reason=\"{}\"", reactor->core, refusal_table[i].code),
                          reactor->http.refusals[i]);
    per_reactor(out, view, "sluice_http_idle_timeouts_total", "counter", "Connections closed for being idle.",
                [](const Snapshot& s) { return s.http.idle_timeouts; });
    per_reactor(out, view, "sluice_http_write_timeouts_total", "counter",
                "Connections closed because the client did not read.",
                [](const Snapshot& s) { return s.http.write_timeouts; });
}

void loop(Exposition& out, const EngineView& view) {
    per_reactor(out, view, "sluice_connections", "gauge", "Open connections.",
                [](const Snapshot& s) { return s.loop.open_slots; });
    per_reactor(out, view, "sluice_connections_accepted_total", "counter", "Connections accepted.",
                [](const Snapshot& s) { return s.loop.accepted; });
    per_reactor(out, view, "sluice_accept_pauses_total", "counter",
                "Times accepting stopped for want of slots or descriptors.",
                [](const Snapshot& s) { return s.loop.accept_pauses; });
    per_reactor(out, view, "sluice_receive_buffer_shortages_total", "counter", "Receives that found no free buffer.",
                [](const Snapshot& s) { return s.loop.buffer_shortages; });
    per_reactor(out, view, "sluice_received_bytes_total", "counter", "Bytes received from clients.",
                [](const Snapshot& s) { return s.loop.received_bytes; });
    per_reactor(out, view, "sluice_sent_bytes_total", "counter", "Bytes sent to clients.",
                [](const Snapshot& s) { return s.loop.sent_bytes; });
    per_reactor(out, view, "sluice_loop_iterations_total", "counter", "Iterations of the event loop.",
                [](const Snapshot& s) { return s.loop.iterations; });
    per_reactor(out, view, "sluice_loop_iteration_seconds_max", "gauge",
                "Longest time from one wait of the event loop to the next, since the start or the last reset.",
                [](const Snapshot& s) { return static_cast<double>(s.loop.iteration_ns_max) / 1e9; });
    per_reactor(out, view, "sluice_batches_in_use", "gauge", "Batches filling, waiting or in flight.",
                [](const Snapshot& s) { return s.batches_in_use; });
    per_reactor(out, view, "sluice_batches", "gauge", "Batches in the pool, the bound of what is in flight.",
                [](const Snapshot& s) { return s.batches_count; });
    per_reactor(out, view, "sluice_body_bytes_in_use", "gauge", "Memory of request bodies that are being collected.",
                [](const Snapshot& s) { return s.body_bytes_in_use; });
}

template <typename Get>
void per_sink(Exposition& out, const EngineView& view, std::string_view name, std::string_view type,
              std::string_view help, Get get) {
    out.family(name, type, help);
    for (std::size_t i = 0; i < view.sinks.size(); ++i)
        out.value(name, fmt::format("sink=\"{}\"", i), get(view.sinks[i]->sink().figures()));
}

void sink_families(Exposition& out, const EngineView& view) {
    using sinks::SinkFigures;
    out.family("sluice_sink_state", "gauge", "1 for the state that the sink is in.");
    for (std::size_t i = 0; i < view.sinks.size(); ++i)
        for (const auto state : {sinks::SinkState::connecting, sinks::SinkState::ready, sinks::SinkState::stalled})
            out.value("sluice_sink_state", fmt::format("sink=\"{}\",state=\"{}\"", i, sinks::name_of(state)),
                      view.sinks[i]->sink().figures().delivery.state.load(std::memory_order_relaxed) == state ? 1 : 0);
    per_sink(out, view, "sluice_sink_batches_sent_total", "counter", "Batches sent, resends included.",
             [](const SinkFigures& f) { return load(f.delivery.batches_sent); });
    per_sink(out, view, "sluice_sink_batches_resent_total", "counter", "Batches sent again.",
             [](const SinkFigures& f) { return load(f.delivery.batches_resent); });
    per_sink(out, view, "sluice_sink_sent_bytes_total", "counter", "Bytes sent to the sink.",
             [](const SinkFigures& f) { return load(f.delivery.bytes_sent); });
    out.family("sluice_sink_replies_total", "counter", "Replies of the sink, by what they said.");
    for (std::size_t i = 0; i < view.sinks.size(); ++i) {
        const sinks::DeliveryFigures& figures = view.sinks[i]->sink().figures().delivery;
        out.value("sluice_sink_replies_total", fmt::format("sink=\"{}\",outcome=\"ok\"", i), load(figures.replies_ok));
        out.value("sluice_sink_replies_total", fmt::format("sink=\"{}\",outcome=\"busy\"", i),
                  load(figures.replies_busy));
        out.value("sluice_sink_replies_total", fmt::format("sink=\"{}\",outcome=\"refused\"", i),
                  load(figures.replies_refused));
    }
    per_sink(out, view, "sluice_sink_connects_total", "counter", "Connections to the sink that became ready.",
             [](const SinkFigures& f) { return f.link == nullptr ? 0 : load(f.link->connects); });
    per_sink(out, view, "sluice_sink_connection_failures_total", "counter",
             "Connections to the sink that failed or broke.",
             [](const SinkFigures& f) { return f.link == nullptr ? 0 : load(f.link->connection_failures); });
    if (!view.config.has_replicas()) return;
    per_sink(out, view, "sluice_sink_waits_total", "counter",
             "Batches of which it was asked whether replicas have them.",
             [](const SinkFigures& f) { return f.replication == nullptr ? 0 : load(f.replication->waits); });
    per_sink(out, view, "sluice_sink_waits_short_total", "counter",
             "Of those, batches that too few replicas confirmed in time.",
             [](const SinkFigures& f) { return f.replication == nullptr ? 0 : load(f.replication->waits_short); });
}

// Whatever delivers to a cluster: the sink, or the forwarder behind a journal.
void cluster_families(Exposition& out, const EngineView& view) {
    if (view.config.sink.url.kind != config::SinkKind::redis_cluster) return;
    const sinks::Sink& sink = view.forwarder != nullptr ? view.forwarder->sink() : view.sinks.front()->sink();
    const sinks::ClusterFigures* const figures = sink.figures().cluster;
    if (figures == nullptr) return;
    const auto nodes = sink.nodes();
    out.family("sluice_cluster_node_ready", "gauge", "1 while this primary of the cluster is connected.");
    for (const sinks::NodeView& node : nodes)
        out.value("sluice_cluster_node_ready", fmt::format("node=\"{}\"", node.address),
                  node.state == sinks::SinkState::ready ? 1 : 0);
    out.family("sluice_cluster_node_partitions", "gauge", "Partitions that go to this primary.");
    for (const sinks::NodeView& node : nodes)
        out.value("sluice_cluster_node_partitions", fmt::format("node=\"{}\"", node.address), node.partitions_count);
    out.family("sluice_cluster_partitions_away", "gauge", "Partitions whose stored samples are refused at once.");
    out.value("sluice_cluster_partitions_away", "", sinks::lanes_away_count(sink.signal()));
    out.family("sluice_cluster_redirects_total", "counter",
               "Commands answered with a redirect, and sent again elsewhere.");
    out.value("sluice_cluster_redirects_total", "kind=\"moved\"", load(figures->redirects_moved));
    out.value("sluice_cluster_redirects_total", "kind=\"ask\"", load(figures->redirects_ask));
    out.family("sluice_cluster_refreshes_total", "counter", "Times the cluster's slots were read.");
    out.value("sluice_cluster_refreshes_total", "", load(figures->refreshes));
}

void breaker_families(Exposition& out, const EngineView& view) {
    using sinks::BreakerState;
    std::vector<std::pair<std::string, const sinks::Sink*>> watched;
    for (std::size_t i = 0; i < view.sinks.size(); ++i) watched.emplace_back(std::to_string(i), &view.sinks[i]->sink());
    if (view.forwarder != nullptr) watched.emplace_back("forwarder", &view.forwarder->sink());

    out.family("sluice_sink_breaker_state", "gauge", "1 for the state that the sink's circuit breaker is in.");
    for (const auto& [name, sink] : watched)
        for (const auto state : {BreakerState::closed, BreakerState::open, BreakerState::half_open})
            out.value("sluice_sink_breaker_state", fmt::format("sink=\"{}\",state=\"{}\"", name, sinks::name_of(state)),
                      sink->signal().breaker.load(std::memory_order_relaxed) == state ? 1 : 0);
    out.family("sluice_sink_breaker_opens_total", "counter", "Times that the sink's circuit breaker left closed.");
    for (const auto& [name, sink] : watched)
        out.value("sluice_sink_breaker_opens_total", fmt::format("sink=\"{}\"", name),
                  load(sink->figures().delivery.breaker_opens));
}

void journal_families(Exposition& out, const EngineView& view) {
    using sinks::SinkFigures;
    if (!view.config.has_journal()) return;
    per_sink(out, view, "sluice_journal_syncs_total", "counter",
             "Times the journal was made safe; each for all batches that had gathered.",
             [](const SinkFigures& f) { return f.journal == nullptr ? 0 : load(f.journal->syncs); });
    per_sink(out, view, "sluice_journal_bytes", "gauge", "Size of the journal on disk, with what is reserved.",
             [](const SinkFigures& f) { return f.journal == nullptr ? 0 : load(f.journal->bytes); });
    per_sink(out, view, "sluice_journal_bytes_max", "gauge", "Size that the journal may reach.",
             [](const SinkFigures& f) { return f.journal == nullptr ? 0 : load(f.journal->bytes_max); });
}

void forwarder_families(Exposition& out, const forward::Forwarder& forwarder) {
    const forward::Forwarder::View view = forwarder.view();
    out.family("sluice_forwarder_delivered_samples_total", "counter", "Samples brought from the journal to Redis.");
    out.value("sluice_forwarder_delivered_samples_total", "", view.delivered_samples_count);
    out.family("sluice_forwarder_ready", "gauge", "1 while Redis takes what the journal holds.");
    out.value("sluice_forwarder_ready", "", view.state == sinks::SinkState::ready ? 1 : 0);
    out.family("sluice_forwarder_is_behind", "gauge",
               "1 while the journal holds samples that are not known to be in Redis.");
    out.value("sluice_forwarder_is_behind", "", view.delivered < view.confirmed ? 1 : 0);
    out.family("sluice_forwarder_duplicates_refused_total", "counter",
               "Samples sent again that Redis had already (sink.redis.exactly_once).");
    out.value("sluice_forwarder_duplicates_refused_total", "", view.duplicates_refused_count);
    out.family("sluice_forwarder_damaged_bytes_total", "counter",
               "Bytes of the journal that were damaged, and skipped.");
    out.value("sluice_forwarder_damaged_bytes_total", "", view.damaged_bytes);
    out.family("sluice_forwarder_records_refused_total", "counter",
               "Records of the journal in which no sample was understood, and that were skipped.");
    out.value("sluice_forwarder_records_refused_total", "", view.records_refused_count);
}

void admission_families(Exposition& out, const admission::Board& board) {
    using admission::Verdict;
    if (!board.is_on.load(std::memory_order_relaxed)) return;
    out.family("sluice_admission_bound_passed", "gauge", "1 for the bound of Redis or its consumers that is passed.");
    for (const Verdict verdict : {Verdict::redis_memory, Verdict::stream_full, Verdict::consumers_behind})
        out.value("sluice_admission_bound_passed",
                  fmt::format("code=\"{}\"", info_of(*admission::refusal_of(verdict)).code),
                  board.judged.load(std::memory_order_relaxed) == verdict ? 1 : 0);
    out.family("sluice_admission_sheds", "gauge", "1 while telemetry is refused for it.");
    out.value("sluice_admission_sheds", "", board.refusal() ? 1 : 0);
    out.family("sluice_admission_samples_total", "counter", "Times that Redis was asked and told everything.");
    out.value("sluice_admission_samples_total", "", load(board.samples));
    out.family("sluice_admission_failures_total", "counter", "Times that Redis did not tell everything.");
    out.value("sluice_admission_failures_total", "", load(board.failures));
    const auto figure = [&out](std::string_view name, std::string_view help, const admission::SharedFigure& shared) {
        out.family(name, "gauge", help);
        if (const auto value = shared.get()) out.value(name, "", *value);
    };
    figure("sluice_stream_entries", "Entries of all partitions' streams, or of the list.", board.length_sum);
    figure("sluice_stream_entries_longest", "Entries of the longest partition's stream.", board.length_max);
    figure("sluice_group_lag_entries", "Entries that the slowest consumer group has not read of one stream.",
           board.group_lag_max);
    figure("sluice_redis_used_bytes", "Memory that Redis counts against its bound.", board.used_bytes);
    figure("sluice_redis_maxmemory_bytes", "The bound of Redis' memory; 0: none.", board.limit_bytes);
}

void idempotency_families(Exposition& out, const IdempotencyTable& table) {
    const IdempotencyTable::Figures figures = table.figures();
    const auto one = [&out](std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
        out.family(name, type, help);
        out.value(name, "", value);
    };
    one("sluice_idempotency_keys", "gauge", "Idempotency keys that are remembered.", figures.keys);
    one("sluice_idempotency_keys_in_progress", "gauge", "Those whose samples are still on their way.",
        figures.in_progress);
    one("sluice_idempotency_replayed_total", "counter", "Requests answered as the first with their key was.",
        figures.replayed);
    one("sluice_idempotency_conflicts_total", "counter",
        "Requests refused because the first with their key was in progress.", figures.conflicts);
    one("sluice_idempotency_mismatches_total", "counter", "Requests refused because their key was another request's.",
        figures.mismatches);
    one("sluice_idempotency_evicted_early_total", "counter", "Answers forgotten for room before their window was over.",
        figures.evicted_early);
    one("sluice_idempotency_refused_full_total", "counter", "Requests refused because all keys were in progress.",
        figures.refused_full);
    one("sluice_idempotency_released_partly_total", "counter",
        "Keys forgotten after the sink had refused a part of their samples.", figures.released_partly);
}

void latency(Exposition& out, const EngineView& view) {
    out.family("sluice_stage_seconds", "histogram", "Time in each stage of a sample's way.");
    for (const auto& reactor : view.reactors) {
        for (std::size_t i = 0; i < stages_count; ++i) {
            const LatencyHistogram& histogram = reactor->latency.of(static_cast<Stage>(i));
            const std::string labels =
                fmt::format("core=\"{}\",stage=\"{}\"", reactor->core, name_of(static_cast<Stage>(i)));
            std::array<std::uint64_t, bounds_ns.size()> counts{};
            histogram.cumulative_counts(bounds_ns.data(), bounds_ns.size(), counts.data());
            for (std::size_t b = 0; b < bounds_ns.size(); ++b)
                out.print("sluice_stage_seconds_bucket{{{},le=\"{}\"}} {}\n", labels,
                          static_cast<double>(bounds_ns[b]) / 1e9, counts[b]);
            out.print("sluice_stage_seconds_bucket{{{},le=\"+Inf\"}} {}\n", labels, histogram.count());
            out.print("sluice_stage_seconds_sum{{{}}} {}\n", labels, static_cast<double>(histogram.sum_ns()) / 1e9);
            out.print("sluice_stage_seconds_count{{{}}} {}\n", labels, histogram.count());
        }
    }
}

}  // namespace

std::string render_metrics(const EngineView& view) {
    Exposition out;
    out.family("sluice_build_info", "gauge", "Always 1; the version is a label.");
    out.value("sluice_build_info", "version=\"" SLUICE_VERSION "\"", 1);
    out.family("sluice_uptime_seconds", "gauge", "Time since the engine started.");
    out.value("sluice_uptime_seconds", "", static_cast<double>(view.uptime_ns) / 1e9);
    out.family("sluice_ready", "gauge", "1 while telemetry is taken and delivered.");
    out.value("sluice_ready", "", view.readiness.verdict().is_ready ? 1 : 0);
    samples(out, view);
    requests(out, view);
    loop(out, view);
    sink_families(out, view);
    cluster_families(out, view);
    breaker_families(out, view);
    journal_families(out, view);
    admission_families(out, view.state.admission);
    if (view.forwarder != nullptr) forwarder_families(out, *view.forwarder);
    if (view.idempotency != nullptr) idempotency_families(out, *view.idempotency);
    latency(out, view);
    return out.take();
}

}  // namespace sluice
