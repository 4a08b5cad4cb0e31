#include "engine/admin/metric_table.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <optional>

#include "engine/admin/address_metrics.hpp"
#include "engine/admin/body_metrics.hpp"
#include "engine/admin/process_metrics.hpp"
#include "engine/admin/tenant_metrics.hpp"
#include "engine/admin/tls_metrics.hpp"
#include "engine/core/build_info.hpp"
#include "engine/core/refusal.hpp"
#include "engine/log/writer.hpp"
#include "engine/server/backend_choice.hpp"

namespace sluice {
namespace {

constexpr auto counter = MetricKind::counter;
constexpr auto gauge = MetricKind::gauge;
constexpr auto histogram = MetricKind::histogram;
constexpr auto count = MetricUnit::count;
constexpr auto bytes = MetricUnit::bytes;
constexpr auto seconds = MetricUnit::seconds;
constexpr auto flag = MetricUnit::flag;
constexpr auto ratio = MetricUnit::ratio;

// --- how members are read ------------------------------------------------------------------------------------------

template <typename Value>
MetricValue value_of(const Value& value) {
    return value;
}
template <typename Value>
MetricValue value_of(const std::atomic<Value>& value) {  // relaxed: each figure stands for itself
    return value.load(std::memory_order_relaxed);
}
template <typename Value>
MetricValue value_of(const std::optional<Value>& value) {
    return value ? MetricValue(*value) : MetricValue(Unknown{});
}

// The member of a source as it is.
#define READ(member) [](const auto& source) -> MetricValue { return value_of(source.member); }

// As OneOf::index: beyond every list, so no word is chosen.
constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

std::string_view refusal_code(std::size_t index) { return refusal_table[index].code; }

// `words` are static and in the order of the enumerators: a state is the index of its word.
template <typename State, std::size_t states_count>
MetricValue one_of(const std::array<std::string_view, states_count>& words, const std::atomic<State>& state) {
    return OneOf{words, static_cast<std::size_t>(state.load(std::memory_order_relaxed))};
}

// --- the engine ----------------------------------------------------------------------------------------------------

// The busiest reactor's share of the connections over an even share. 0 without connections.
double imbalance(const EngineView& view) {
    std::uint64_t total = 0;
    std::uint64_t greatest = 0;
    for (const auto& reactor : view.reactors) {
        total += reactor->loop.open_slots;
        greatest = std::max(greatest, reactor->loop.open_slots);
    }
    if (total == 0) return 0;
    return static_cast<double>(greatest) * static_cast<double>(view.reactors.size()) / static_cast<double>(total);
}

#define READ_TOTAL(counters, member)                                                                                   \
    [](const EngineView& view) -> MetricValue { return total_of(view.totals().counters).member; }

// The first five are members that TelemetryHub's /status has, under its names. They have no name in /metrics, because
// Prometheus can add up the series of the cores.
constexpr MetricOf<EngineView> engine_metrics[] = {
    {{"", counter, count, "Samples delivered, of all reactors; TelemetryHub's name.", "", "metrics.samples_processed"},
     READ_TOTAL(samples, delivered)},
    {{"", counter, count, "Samples dropped, of all reactors; TelemetryHub's name.", "", "metrics.samples_dropped"},
     READ_TOTAL(samples, dropped_sink_refused)},
    {{"", counter, count, "Requests read, of all reactors; TelemetryHub's name.", "", "metrics.pool_jobs_processed"},
     [](const EngineView& view) -> MetricValue {
         std::uint64_t requests = 0;
         for (const http::RequestCounters& counters : view.totals().requests) requests += counters.requests;
         return requests;
     }},
    {{"", gauge, count, "Samples in flight, of all reactors; TelemetryHub's name.", "", "metrics.pool_jobs_queued"},
     [](const EngineView& view) -> MetricValue { return total_of(view.totals().in_flight_samples); }},
    {{"", gauge, count, "Reactors; TelemetryHub's name.", "", "metrics.pool_num_threads"}, READ(reactors.size())},
    {{"sluice_build_info", gauge, flag, "Always 1; what runs is in the labels.", "version, commit, backend", ""},
     [](const EngineView& view) -> MetricValue {
         return Info{{SLUICE_VERSION, build_commit(), io::name_of(backend_of(view.config))}};
     }},
    {{"sluice_uptime_seconds", gauge, seconds, "Time since the engine started.", "", "uptime_s"}, READ(uptime_ns)},
    {{"sluice_ready", gauge, flag, "1 while telemetry is taken and delivered.", "", "ready"}, READ(readiness.is_ready)},
    {{"sluice_log_lines_dropped_total", counter, count, "Log lines that were not written, because stderr took none.",
      "", "log_lines_dropped"},
     [](const EngineView&) -> MetricValue { return log::dropped_lines_count(); }},
    {{"sluice_log_lines_waiting", gauge, count, "Log lines that stderr has not taken yet.", "", "log_lines_waiting"},
     [](const EngineView&) -> MetricValue { return log::waiting_lines_count(); }},
    {{"", gauge, ratio, "Connections of the busiest reactor over an even share; 1 is even, 0 without connections.", "",
      "imbalance"},
     [](const EngineView& view) -> MetricValue { return imbalance(view); }},
};

// --- reactors ------------------------------------------------------------------------------------------------------

// Reasons that never occurred have no series: there are dozens, for each core. `dropped` is shown at 0, too. Otherwise
// its first value would be above 0, and a rate() would miss the first loss.
constexpr MetricOf<SampleFigures> sample_metrics[] = {
    {{"sluice_samples_received_total", counter, count, "Records looked at.", "", "received"}, READ(counters.received)},
    {{"sluice_samples_accepted_total", counter, count, "Samples made part of a batch.", "", "accepted"},
     READ(counters.accepted)},
    {{"sluice_samples_delivered_total", counter, count,
      "Samples that the sink confirmed; behind a journal, that the journal did.", "", "delivered"},
     READ(counters.delivered)},
    {{"sluice_samples_in_flight", gauge, count, "Accepted samples that are neither delivered nor dropped yet.", "",
      "in_flight"},
     READ(in_flight)},
    {{"sluice_samples_rejected_total", counter, count, "Records refused, by reason.", "reason", "rejected"},
     [](const SampleFigures& samples) -> MetricValue {
         return ByWord{samples.counters.rejected, refusal_code, false};
     }},
    {{"sluice_samples_dropped_total", counter, count,
      "Accepted samples that the sink refused; their clients were told.", "reason", "dropped"},
     [](const SampleFigures& samples) -> MetricValue {
         return ByWord{{&samples.counters.dropped_sink_refused, 1},
                       [](std::size_t) { return std::string_view("sink_refused"); },
                       true};
     }},
};

constexpr MetricOf<http::RequestCounters> request_metrics[] = {
    {{"sluice_http_requests_total", counter, count, "Requests read whole.", "", "requests"}, READ(requests)},
    {{"sluice_http_requests_refused_total", counter, count, "Requests refused as a whole, by reason.", "reason",
      "requests_refused"},
     [](const http::RequestCounters& counters) -> MetricValue {
         return ByWord{counters.refusals, refusal_code, false};
     }},
};

constexpr std::string_view responses_help = "Responses by status class.";
// All rows of a family have the same help; a unit test checks it.
constexpr MetricOf<http::HttpCounters> http_metrics[] = {
    {{"sluice_http_responses_total", counter, count, responses_help, "class=\"2xx\"", "responses.2xx"},
     READ(responses[2])},
    {{"sluice_http_responses_total", counter, count, responses_help, "class=\"3xx\"", ""}, READ(responses[3])},
    {{"sluice_http_responses_total", counter, count, responses_help, "class=\"4xx\"", "responses.4xx"},
     READ(responses[4])},
    {{"sluice_http_responses_total", counter, count, responses_help, "class=\"5xx\"", "responses.5xx"},
     READ(responses[5])},
    {{"sluice_http_idle_timeouts_total", counter, count, "Connections closed for being idle.", "", "idle_timeouts"},
     READ(idle_timeouts)},
    {{"sluice_http_write_timeouts_total", counter, count, "Connections closed because the client did not read.", "",
      "write_timeouts"},
     READ(write_timeouts)},
    {{"", counter, count, "Connections closed without an answer because memory ran out.", "", "aborted_connections"},
     READ(aborted_connections)},
};

// Counters of the loop are not reset by POST /reset, but for the longest iteration and the histogram.
constexpr MetricOf<LoopFigures> loop_metrics[] = {
    {{"sluice_connections", gauge, count, "Open connections.", "", "connections"}, READ(counters.open_slots)},
    {{"sluice_connections_accepted_total", counter, count, "Connections accepted.", "", "connections_accepted"},
     READ(counters.accepted)},
    {{"sluice_received_bytes_total", counter, bytes, "Bytes received from clients.", "", "received_bytes"},
     READ(counters.received_bytes)},
    {{"sluice_sent_bytes_total", counter, bytes, "Bytes sent to clients.", "", "sent_bytes"},
     READ(counters.sent_bytes)},
    {{"sluice_receive_buffer_shortages_total", counter, count, "Receives that found no free buffer.", "",
      "buffer_shortages"},
     READ(counters.buffer_shortages)},
    {{"sluice_accept_pauses_total", counter, count, "Times accepting stopped for want of slots or descriptors.", "",
      "accept_pauses"},
     READ(counters.accept_pauses)},
    {{"", counter, count, "Connections that could not be accepted.", "", "accept_errors"},
     READ(counters.accept_errors)},
    {{"sluice_loop_unexpected_results_total", counter, count,
      "Results of the kernel that no table expects; the connection is closed.", "", "unexpected_results"},
     READ(counters.unexpected_results_count)},
    {{"sluice_loop_iterations_total", counter, count, "Iterations of the event loop.", "", "loop_iterations"},
     READ(counters.iterations)},
    {{"sluice_loop_iteration_seconds_max", gauge, seconds,
      "Longest time from one wait of the event loop to the next, since the start or the last reset.", "",
      "loop_iteration_us_max"},
     READ(counters.iteration_ns_max)},
    {{"sluice_loop_iteration_seconds", histogram, seconds,
      "Time from one wait of the event loop to the next, what its thread did in between included.", "", ""},
     [](const LoopFigures& loop) -> MetricValue { return Histograms{{&loop.iterations, 1}, no_word}; }},
};

constexpr MetricOf<PoolFigures> pool_metrics[] = {
    {{"sluice_batches_in_use", gauge, count, "Batches filling, waiting or in flight.", "", "batches.in_use"},
     READ(batches_in_use)},
    {{"sluice_batches", gauge, count, "Batches in the pool, the bound of what is in flight.", "", "batches.count"},
     READ(batches_count)},
    {{"sluice_body_bytes_in_use", gauge, bytes, "Memory of request bodies that are being collected.", "",
      "body_bytes_in_use"},
     READ(body_bytes_in_use)},
};

// Formats that no request had have no series here: a histogram has twenty for each.
constexpr MetricOf<StageFigures> latency_metrics[] = {
    {{"sluice_stage_seconds", histogram, seconds, "Time in each stage of a sample's way.", "", "stages"},
     [](const StageFigures& figures) -> MetricValue { return Histograms{{&figures.histogram, 1}, no_word}; }},
};

// --- sinks ---------------------------------------------------------------------------------------------------------

constexpr std::array<std::string_view, 3> sink_states{
    name_of(sinks::SinkState::connecting), name_of(sinks::SinkState::ready), name_of(sinks::SinkState::stalled)};
static_assert(sink_states[static_cast<std::size_t>(sinks::SinkState::stalled)] == "stalled");
constexpr std::array<std::string_view, 3> breaker_states{
    name_of(sinks::BreakerState::closed), name_of(sinks::BreakerState::open), name_of(sinks::BreakerState::half_open)};
static_assert(breaker_states[static_cast<std::size_t>(sinks::BreakerState::half_open)] == "half_open");

constexpr std::string_view replies_help = "Replies of the sink, by what they said.";
// Outcomes of replies: `busy` is an error that a later try may not see, `refused` one that an operator has to mend.
constexpr MetricOf<sinks::DeliveryFigures> delivery_metrics[] = {
    {{"sluice_sink_state", gauge, flag, "1 for the state that the sink is in.", "state", "state"},
     [](const sinks::DeliveryFigures& figures) -> MetricValue { return one_of(sink_states, figures.state); }},
    {{"sluice_sink_batches_sent_total", counter, count, "Batches sent, resends included.", "", "batches_sent"},
     READ(batches_sent)},
    {{"sluice_sink_batches_resent_total", counter, count, "Batches sent again.", "", "batches_resent"},
     READ(batches_resent)},
    {{"sluice_sink_sent_bytes_total", counter, bytes, "Bytes sent to the sink.", "", "bytes_sent"}, READ(bytes_sent)},
    {{"sluice_sink_replies_total", counter, count, replies_help, "outcome=\"ok\"", "replies_ok"}, READ(replies_ok)},
    {{"sluice_sink_replies_total", counter, count, replies_help, "outcome=\"busy\"", "replies_busy"},
     READ(replies_busy)},
    {{"sluice_sink_replies_total", counter, count, replies_help, "outcome=\"refused\"", "replies_refused"},
     READ(replies_refused)},
};

constexpr MetricOf<sinks::LinkFigures> link_metrics[] = {
    {{"sluice_sink_connects_total", counter, count, "Connections to the sink that became ready.", "", "connects"},
     READ(connects)},
    {{"sluice_sink_connection_failures_total", counter, count, "Connections to the sink that failed or broke.", "",
      "connection_failures"},
     READ(connection_failures)},
};

constexpr MetricOf<sinks::ReplicationFigures> replication_metrics[] = {
    {{"sluice_sink_waits_total", counter, count, "Batches of which it was asked whether replicas have them.", "",
      "waits"},
     READ(waits)},
    {{"sluice_sink_waits_short_total", counter, count, "Batches that too few replicas confirmed in time.", "",
      "waits_short"},
     READ(waits_short)},
};

constexpr MetricOf<sinks::JournalFigures> journal_metrics[] = {
    {{"sluice_journal_syncs_total", counter, count,
      "Calls of fdatasync for the journal; each covers all batches that had gathered.", "", "syncs"},
     READ(syncs)},
    {{"sluice_journal_bytes", gauge, bytes, "Size of the journal on disk, with what is reserved.", "", "bytes"},
     READ(bytes)},
    {{"sluice_journal_bytes_max", gauge, bytes, "Size that the journal may reach.", "", "bytes_max"}, READ(bytes_max)},
};

// In ns. 0: the attempt is due, and the sink's thread has not made it yet. Its clock and ours are the same (monotonic).
MetricValue retry_in_ns(const BreakerView& breaker) {
    const std::uint64_t retry_ns = breaker.signal.breaker_retry_ns.load(std::memory_order_relaxed);
    if (retry_ns == 0) return Absent{};
    return retry_ns > breaker.now_ns ? retry_ns - breaker.now_ns : std::uint64_t{0};
}

constexpr MetricOf<BreakerView> breaker_metrics[] = {
    {{"sluice_sink_breaker_state", gauge, flag, "1 for the state that the sink's circuit breaker is in.", "state",
      "state"},
     [](const BreakerView& breaker) -> MetricValue { return one_of(breaker_states, breaker.signal.breaker); }},
    {{"sluice_sink_breaker_opens_total", counter, count, "Times that the sink's circuit breaker left closed.", "",
      "opens"},
     READ(delivery.breaker_opens)},
    {{"", gauge, count, "Failures in a row.", "", "failures"}, READ(delivery.breaker_failures)},
    {{"", gauge, seconds, "Time until the server is tried again; absent while nothing waits for it.", "", "retry_in_s"},
     retry_in_ns},
};

constexpr std::string_view redirects_help = "Commands answered with a redirect, and sent again elsewhere.";
constexpr MetricOf<ClusterView> cluster_metrics[] = {
    {{"sluice_cluster_redirects_total", counter, count, redirects_help, "kind=\"moved\"", "redirects_moved"},
     READ(figures.redirects_moved)},
    {{"sluice_cluster_redirects_total", counter, count, redirects_help, "kind=\"ask\"", "redirects_ask"},
     READ(figures.redirects_ask)},
    {{"sluice_cluster_refreshes_total", counter, count, "Times the cluster's slots were read.", "", "refreshes"},
     READ(figures.refreshes)},
    {{"sluice_cluster_partitions_away", gauge, count, "Partitions whose stored samples are refused at once.", "",
      "partitions_away"},
     [](const ClusterView& cluster) -> MetricValue { return sinks::lanes_away_count(cluster.signal); }},
};

constexpr MetricOf<sinks::NodeView> node_metrics[] = {
    {{"sluice_cluster_node_ready", gauge, flag, "1 while this primary of the cluster is connected.", "", ""},
     [](const sinks::NodeView& node) -> MetricValue { return node.state == sinks::SinkState::ready; }},
    {{"sluice_cluster_node_partitions", gauge, count, "Partitions that go to this primary.", "", "partitions"},
     READ(partitions_count)},
};

// --- Redis and its consumers, as the watcher finds them ------------------------------------------------------------

constexpr std::array<std::string_view, 3> bounds{
    info_of(Refusal::redis_memory).code, info_of(Refusal::stream_full).code, info_of(Refusal::consumers_behind).code};

// Which bound is passed, also where nothing is refused for it because a journal takes the samples.
MetricValue passed_bound(const watch::Gauges& gauges) {
    const auto refusal = watch::refusal_of(gauges.passed.load(std::memory_order_relaxed));
    if (!refusal) return OneOf{bounds, none};
    return OneOf{bounds, static_cast<std::size_t>(std::ranges::find(bounds, info_of(*refusal).code) - bounds.begin())};
}

// Figures that Redis did not tell in the last round are Unknown (Gauge::get()).
constexpr MetricOf<watch::Gauges> admission_metrics[] = {
    {{"sluice_admission_sheds", gauge, flag, "1 while telemetry is refused because a bound is passed.", "", "sheds"},
     [](const watch::Gauges& gauges) -> MetricValue { return gauges.refusal().has_value(); }},
    {{"sluice_admission_bound_passed", gauge, flag, "1 for the bound of Redis or its consumers that is passed.", "code",
      "passed_bound"},
     passed_bound},
    {{"sluice_stream_entries", gauge, count, "Entries of all partitions' streams, or of the list.", "",
      "stream_length"},
     READ(length_sum.get())},
    {{"sluice_stream_entries_longest", gauge, count, "Entries of the longest partition's stream.", "",
      "stream_length_longest"},
     READ(length_max.get())},
    {{"sluice_group_lag_entries", gauge, count, "Entries that the slowest consumer group has not read of one stream.",
      "", "group_lag"},
     READ(group_lag_max.get())},
    {{"sluice_redis_used_bytes", gauge, bytes, "Memory that Redis counts against its bound.", "", "redis_used_bytes"},
     READ(used_bytes.get())},
    {{"sluice_redis_maxmemory_bytes", gauge, bytes, "The bound of Redis' memory; 0: none.", "",
      "redis_maxmemory_bytes"},
     READ(limit_bytes.get())},
    {{"sluice_admission_samples_total", counter, count, "Times that Redis was asked and told everything.", "",
      "samples"},
     READ(samples)},
    {{"sluice_admission_failures_total", counter, count, "Times that Redis did not tell everything.", "", "failures"},
     READ(failures)},
};

// --- the forwarder, idempotency keys -------------------------------------------------------------------------------

constexpr MetricOf<forward::Forwarder::View> forwarder_metrics[] = {
    {{"sluice_forwarder_delivered_samples_total", counter, count, "Samples brought from the journal to Redis.", "",
      "delivered_samples"},
     READ(delivered_samples_count)},
    {{"sluice_forwarder_ready", gauge, flag, "1 while Redis takes what the journal holds.", "", ""},
     [](const forward::Forwarder::View& view) -> MetricValue { return view.state == sinks::SinkState::ready; }},
    {{"sluice_forwarder_is_behind", gauge, flag, "1 while the journal holds samples that are not known to be in Redis.",
      "", ""},
     [](const forward::Forwarder::View& view) -> MetricValue { return view.delivered < view.confirmed; }},
    {{"sluice_forwarder_undelivered_bytes", gauge, bytes,
      "Bytes that the journal holds and that are not known to be in Redis.", "", "undelivered_bytes"},
     READ(undelivered_bytes)},
    {{"sluice_forwarder_undelivered_samples", gauge, count,
      "Samples that the journal holds and that are not known to be in Redis.", "", "undelivered_samples"},
     READ(undelivered_samples_count)},
    {{"sluice_forwarder_oldest_undelivered_seconds", gauge, seconds,
      "How long the oldest of them has been in the journal; 0 if there is none.", "", "oldest_undelivered_s"},
     READ(oldest_undelivered_ns)},
    {{"sluice_forwarder_duplicates_refused_total", counter, count,
      "Samples sent again that Redis had already (sink.redis.exactly_once).", "", "exactly_once.duplicates_refused"},
     READ(duplicates_refused_count)},
    {{"sluice_forwarder_damaged_bytes_total", counter, bytes, "Bytes of the journal that were damaged, and skipped.",
      "", "damaged_bytes"},
     READ(damaged_bytes)},
    {{"sluice_forwarder_records_refused_total", counter, count,
      "Records of the journal in which no sample was understood, and that were skipped.", "", "records_refused"},
     READ(records_refused_count)},
};

constexpr MetricOf<IdempotencyTable::Figures> idempotency_metrics[] = {
    {{"sluice_idempotency_keys", gauge, count, "Idempotency keys that are remembered.", "", "keys"}, READ(keys)},
    {{"sluice_idempotency_keys_in_progress", gauge, count, "Keys whose samples are not settled yet.", "",
      "in_progress"},
     READ(in_progress)},
    {{"sluice_idempotency_replayed_total", counter, count, "Requests answered as the first with their key was.", "",
      "replayed"},
     READ(replayed)},
    {{"sluice_idempotency_conflicts_total", counter, count,
      "Requests refused because the first with their key was in progress.", "", "conflicts"},
     READ(conflicts)},
    {{"sluice_idempotency_mismatches_total", counter, count,
      "Requests refused because their key was another request's.", "", "mismatches"},
     READ(mismatches)},
    {{"sluice_idempotency_evicted_early_total", counter, count,
      "Answers forgotten for room before their window was over.", "", "evicted_early"},
     READ(evicted_early)},
    {{"sluice_idempotency_refused_full_total", counter, count, "Requests refused because all keys were in progress.",
      "", "refused_full"},
     READ(refused_full)},
    {{"sluice_idempotency_released_partly_total", counter, count,
      "Keys forgotten after the sink had refused a part of their samples.", "", "released_partly"},
     READ(released_partly)},
};

#undef READ
#undef READ_TOTAL

// --- the groups ----------------------------------------------------------------------------------------------------

template <typename Source, std::size_t rows_count>
constexpr Metrics rows(const MetricOf<Source> (&metrics)[rows_count]) {
    return MetricsOf<Source>(metrics);
}

bool always(const EngineView&) { return true; }
bool has_tls(const EngineView& view) { return view.config.has_tls(); }
bool is_cluster(const EngineView& view) { return view.config.sink.url.kind == config::SinkKind::redis_cluster; }

constexpr std::string_view reactor_thread = "the reactor's thread";
constexpr std::string_view sink_thread = "the sink's thread";
constexpr std::string_view delivering_thread = "the sink's thread; behind a journal the forwarder's";
constexpr std::string_view with_cluster = "with a Redis cluster as `sink.url`";

// In the order in which /metrics and docs/metrics.md show them.
constexpr MetricGroup groups[] = {
    {"Engine", "", "the admin thread, when it is asked", "engine/admin/engine_view.hpp", "", "", always,
     rows(engine_metrics)},
    {"Samples", "core, format", reactor_thread, "engine/metrics/sample_counters.hpp",
     "samples, reactors[].samples, formats.*.samples", "", always, rows(sample_metrics)},
    {"Requests", "core, format", reactor_thread, "engine/http/connection.hpp", "reactors[], formats.*", "", always,
     rows(request_metrics)},
    {"Responses", "core", reactor_thread, "engine/http/connection.hpp", "reactors[]", "", always, rows(http_metrics)},
    {"Compressed bodies", "core", reactor_thread, "engine/metrics/coding_counters.hpp", "reactors[]", "", always,
     rows(coding_metrics)},
    {"Remote write", "core", reactor_thread, "engine/metrics/remote_write_counters.hpp", "reactors[]", "", always,
     rows(remote_write_metrics)},
    {"Event loops", "core", reactor_thread, "engine/io/loop.hpp", "reactors[]", "", always, rows(loop_metrics)},
    {"Addresses", "core", reactor_thread, "engine/server/address_counters.hpp", "reactors[]", "", always,
     rows(address_metrics)},
    {"TLS", "core", reactor_thread, "engine/tls/counters.hpp", "reactors[].tls", "with `tls.listen` or `admin.tls`",
     has_tls, rows(tls_metrics)},
    {"TLS reloads", "", "the main thread", "engine/tls/published.hpp", "tls", "with `tls.listen` or `admin.tls`",
     has_tls, rows(tls_reload_metrics)},
    {"Certificates", "certificate", "the admin thread, when it is asked", "engine/admin/engine_view.hpp",
     "tls.certificates[]", "with `tls.listen` or `admin.tls`", has_tls, rows(certificate_metrics)},
    {"Pools", "core", reactor_thread, "engine/admin/snapshot.hpp", "reactors[]", "", always, rows(pool_metrics)},
    {"Latency", "core, stage, format", reactor_thread, "engine/metrics/latency.hpp", "latency, formats.*", "", always,
     rows(latency_metrics)},
    {"Sinks", "sink", sink_thread, "sinks/figures.hpp", "sinks[]", "", always, rows(delivery_metrics)},
    {"Connections of sinks", "sink", sink_thread, "sinks/figures.hpp", "sinks[]", "", always, rows(link_metrics)},
    {"Replication", "sink", sink_thread, "sinks/figures.hpp", "sinks[].replication", "with `sink.redis.replicas`",
     [](const EngineView& view) { return view.config.has_replicas(); }, rows(replication_metrics)},
    {"Cluster", "", delivering_thread, "sinks/figures.hpp", "sinks[].cluster, forwarder.cluster", with_cluster,
     is_cluster, rows(cluster_metrics)},
    {"Cluster nodes", "node", delivering_thread, "sinks/sink.hpp", "sinks[].cluster.nodes[], forwarder.cluster.nodes[]",
     with_cluster, is_cluster, rows(node_metrics)},
    {"Circuit breakers", "sink", delivering_thread, "sinks/figures.hpp", "sinks[].breaker, forwarder.breaker", "",
     always, rows(breaker_metrics)},
    {"Journal", "sink", sink_thread, "sinks/figures.hpp", "sinks[].journal",
     "with a journal as `sink.url` or with `journal.directory`",
     [](const EngineView& view) { return view.config.has_journal(); }, rows(journal_metrics)},
    {"Redis and its consumers", "", "the watcher's thread", "engine/watch/gauges.hpp", "admission",
     "with a Redis as `sink.url`, unless `admission.interval` is 0",
     [](const EngineView& view) { return view.state.gauges.is_on.load(std::memory_order_relaxed); },
     rows(admission_metrics)},
    {"Store-and-forward", "", "the forwarder's thread", "engine/forward/forwarder.hpp", "forwarder",
     "with `journal.directory`", [](const EngineView& view) { return view.forwarder.has_value(); },
     rows(forwarder_metrics)},
    {"Idempotency keys", "", "reactors, under the lock of a part of the table",
     "engine/idempotency/idempotency_table.hpp", "idempotency", "unless `idempotency.keys_max` is 0",
     [](const EngineView& view) { return view.idempotency.has_value(); }, rows(idempotency_metrics)},
    {"Tenants", "tenant", reactor_thread, "engine/tenants/tenant_counters.hpp", "tenants[]", "with `tenants.file`",
     [](const EngineView& view) { return view.tenant_table != nullptr; }, rows(tenant_metrics)},
    {"File of tenants, dead letters", "", "the main thread; reactors", "engine/tenants/tenants_figures.hpp",
     "tenants_file", "with `tenants.file`", [](const EngineView& view) { return view.tenant_table != nullptr; },
     rows(reload_metrics)},
    {"Process", "", "the kernel; read by the admin thread, when it is asked", "engine/core/process_figures.hpp", "", "",
     always, rows(process_metrics)},
};
static_assert(std::size(groups) == std::variant_size_v<Metrics>, "one group for each source");

}  // namespace

std::span<const MetricGroup> metric_groups() { return groups; }

}  // namespace sluice
