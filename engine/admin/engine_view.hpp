// EngineView: one moment of the engine, from which GET /status and GET /metrics are rendered. Made on the admin
// thread for one answer; what others own is copied, or read through relaxed atomics that outlive the answer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/admin/readiness.hpp"
#include "engine/admin/snapshot.hpp"
#include "engine/config/config.hpp"
#include "engine/core/process_figures.hpp"
#include "engine/forward/forwarder.hpp"
#include "engine/idempotency/idempotency_table.hpp"
#include "engine/ingest/engine_state.hpp"
#include "engine/tenants/tenant_counters.hpp"
#include "engine/tenants/tenant_table.hpp"
#include "engine/tls/published.hpp"
#include "sinks/sink.hpp"

namespace sluice {

// Borrows from a sink, which outlives it: `signal`, and what `figures` points to. Its thread goes on writing both.
struct SinkView {
    std::string name;  // the value of its label: its index, or "forwarder"
    const sinks::SinkSignal& signal;
    sinks::SinkFigures figures;
    std::string last_error;  // one sentence; empty: none
    std::vector<sinks::NodeView> nodes;  // of a cluster

    // At least one WAIT was answered, or failed. Before that /status shows no `replication`.
    [[nodiscard]] bool has_asked_replicas() const;
    // Of a sink that connects to nothing: zeroes.
    [[nodiscard]] const sinks::LinkFigures& link() const;
};
[[nodiscard]] SinkView view_of(std::string name, const sinks::Sink& sink);

struct ForwarderView {
    forward::Forwarder::View journal;
    SinkView sink;
};
[[nodiscard]] ForwarderView view_of(const forward::Forwarder& forwarder);

// A certificate that the server shows.
struct CertificateView {
    std::string name;  // its file: the value of its label
    std::uint64_t left_ns = 0;  // until it ends; 0: it has ended
};
struct TlsView {
    std::uint64_t reloads_count = 0;
    std::uint64_t failed_reloads_count = 0;
    std::vector<CertificateView> certificates;
};
// `now_ns`: since 1970.
[[nodiscard]] TlsView view_of(const tls::Published& published, std::int64_t now_ns);

// Sums over all reactors.
struct EngineTotals {
    ByFormat<SampleCounters> samples;
    ByFormat<std::uint64_t> in_flight_samples;
    ByFormat<http::RequestCounters> requests;
};

// Lives for one answer. Borrowed: `config`, `state` and the sinks, which live as long as the engine; `reactors`, which
// the next SnapshotCollector::collect() overwrites.
struct EngineView {
    const config::Config& config;
    const EngineState& state;
    ReadinessState readiness;
    std::uint64_t uptime_ns;
    std::uint64_t now_ns;  // monotonic
    std::span<const std::unique_ptr<Snapshot>> reactors;
    // What the reactors hand their batches to: one element. Clients see a list.
    std::vector<SinkView> sinks;
    std::optional<ForwarderView> forwarder;  // none: no journal in front of Redis
    std::optional<IdempotencyTable::Figures> idempotency;  // none: no keys are remembered
    ProcessFigures process;
    std::optional<TlsView> tls{};  // none: no listener speaks it
    // Of tenants that are in the table, summed over all reactors; empty where there are no tenants.
    std::vector<std::pair<std::string, tenants::TenantCounters>> tenants{};
    std::shared_ptr<const tenants::TenantTable> tenant_table{};  // null: there are none

    [[nodiscard]] EngineTotals totals() const;
    // Fills `tenants`.
    void add_tenants(std::shared_ptr<const tenants::TenantTable> table);
    // What delivers to Redis: the forwarder's sink behind a journal, else the first one.
    [[nodiscard]] const SinkView& delivering_sink() const;
};

}  // namespace sluice
