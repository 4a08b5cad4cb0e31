// The table of all metrics: each is declared once, with name, kind, unit, help, labels, member in /status, the thread
// that counts, and how it is read.
//
// To add a metric: count it in a struct that is named below, and add a row to that struct's group in metric_table.cpp.
// Then `sluice print-metrics` gives the new table of docs/metrics.md. A unit test fails if a counter has no row.
//
// A group is the metrics of one source: a struct that is filled in by one kind of thread. The sources form a closed
// set, a variant: a new source does not compile until /metrics knows where to find it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "engine/admin/engine_view.hpp"
#include "engine/core/process_figures.hpp"
#include "engine/http/connection.hpp"
#include "engine/idempotency/idempotency_table.hpp"
#include "engine/io/loop.hpp"
#include "engine/metrics/coding_counters.hpp"
#include "engine/metrics/latency.hpp"
#include "engine/metrics/latency_histogram.hpp"
#include "engine/metrics/metric.hpp"
#include "engine/metrics/remote_write_counters.hpp"
#include "engine/metrics/sample_counters.hpp"
#include "engine/server/address_counters.hpp"
#include "engine/tenants/tenant_counters.hpp"
#include "engine/tenants/tenants_figures.hpp"
#include "engine/tls/counters.hpp"
#include "engine/watch/gauges.hpp"
#include "sinks/figures.hpp"
#include "sinks/signal.hpp"
#include "sinks/sink.hpp"

namespace sluice {

// --- sources that are parts of others, or more than one struct -----------------------------------------------------

// Made for one reading: they borrow from the view, and are gone when the value has been taken.
struct SampleFigures {
    const SampleCounters& counters;
    std::uint64_t in_flight;
};
// Of one format.
struct StageFigures {
    Stage stage;
    const LatencyHistogram& histogram;
};
struct LoopFigures {
    const io::LoopCounters& counters;
    const LatencyHistogram& iterations;
};
// Of a histogram that has no label of its own.
inline std::string_view no_word(std::size_t) { return {}; }

struct TlsFigures {
    const tls::Counters& counters;
    const LatencyHistogram& handshakes;
};
struct BreakerView {
    const sinks::SinkSignal& signal;
    const sinks::DeliveryFigures& delivery;
    std::uint64_t now_ns;  // monotonic
};
struct ClusterView {
    const sinks::SinkSignal& signal;
    const sinks::ClusterFigures& figures;
};

// --- the table -----------------------------------------------------------------------------------------------------

template <typename Source>
struct MetricOf : Metric {
    // What it returns may point into `source` (ByWord, Histograms): it is used while the source is there.
    MetricValue (*read)(const Source& source);
};
template <typename Source>
using MetricsOf = std::span<const MetricOf<Source>>;

// The closed set. For each alternative prometheus.cpp has an overload of for_each().
using Metrics =
    std::variant<MetricsOf<EngineView>, MetricsOf<SampleFigures>, MetricsOf<http::RequestCounters>,
                 MetricsOf<http::HttpCounters>, MetricsOf<CodingCounters>, MetricsOf<RemoteWriteCounters>,
                 MetricsOf<LoopFigures>, MetricsOf<AddressCounters>, MetricsOf<TlsFigures>, MetricsOf<TlsView>,
                 MetricsOf<CertificateView>, MetricsOf<PoolFigures>, MetricsOf<StageFigures>,
                 MetricsOf<sinks::DeliveryFigures>, MetricsOf<sinks::LinkFigures>, MetricsOf<sinks::ReplicationFigures>,
                 MetricsOf<ClusterView>, MetricsOf<sinks::NodeView>, MetricsOf<BreakerView>,
                 MetricsOf<sinks::JournalFigures>, MetricsOf<watch::Gauges>, MetricsOf<forward::Forwarder::View>,
                 MetricsOf<IdempotencyTable::Figures>, MetricsOf<tenants::TenantCounters>,
                 MetricsOf<tenants::TenantsFigures>, MetricsOf<ProcessFigures>>;

struct MetricGroup {
    std::string_view title;
    // Tell the sources of the group apart: `core`, `sink`, `core, format`; empty: there is one. A series has those
    // whose value is not empty.
    std::string_view label;
    std::string_view counted_by;  // a thread
    std::string_view counted_in;  // the file that declares the counters
    std::string_view status;      // the objects of /status that have the members; empty: none
    std::string_view present;     // when the group is there, after "Present"; empty: always
    // Asked for each GET /metrics. False: the group is left out.
    bool (*is_present)(const EngineView& view);
    Metrics metrics;
};

// One group for each source.
[[nodiscard]] std::span<const MetricGroup> metric_groups();

// The metrics of one source.
// Walks over the groups at each call. Only /status asks; /metrics goes through the groups itself.
template <typename Source>
[[nodiscard]] MetricsOf<Source> metrics_of() {
    for (const MetricGroup& group : metric_groups())
        if (const auto* metrics = std::get_if<MetricsOf<Source>>(&group.metrics)) return *metrics;
    return {};
}

}  // namespace sluice
