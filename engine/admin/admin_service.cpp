#include "engine/admin/admin_service.hpp"

#include <string>

#include "engine/admin/prometheus.hpp"
#include "engine/admin/status_json.hpp"
#include "engine/core/clock.hpp"
#include "engine/log/log.hpp"

namespace sluice {

AdminService::AdminService(const config::Config& config, EngineState& state, const Readiness& readiness,
                           const SinkThread& sink, const forward::Forwarder* forwarder,
                           const IdempotencyTable* idempotency)
    : config_(config),
      state_(state),
      readiness_(readiness),
      sink_(sink),
      forwarder_(forwarder),
      idempotency_(idempotency),
      begin_ns_(monotonic_ns()) {}

// Only /status, /metrics and /reset ask the reactors. So a reactor that hangs keeps none of the other pages from being
// answered.
AdminAnswer AdminService::answer(AdminPage page) {
    switch (page) {
        case AdminPage::start: return set_paused(false);
        case AdminPage::stop: return set_paused(true);
        case AdminPage::reset: return reset();
        case AdminPage::health: return health_answer();
        case AdminPage::ready: return ready_answer(readiness_.state());
        case AdminPage::status:
        case AdminPage::metrics: break;
    }
    if (!collector_.collect(false)) return refusal_answer(Refusal::admin_timeout);
    // The view borrows the collector's snapshots. Both pages are rendered before the next collect() overwrites them.
    if (page == AdminPage::status) return {.body = render_status(view())};
    return {.content_type = metrics_content_type, .body = render_metrics(view())};
}

// After a collect() that succeeded. The reactors' figures are those of their snapshots; all other figures are read now,
// so they may be some milliseconds younger.
EngineView AdminService::view() const {
    const std::uint64_t now_ns = monotonic_ns();
    EngineView view{config_, state_, readiness_.state(),    now_ns - begin_ns_, now_ns, collector_.snapshots(), {},
                    {},      {},     read_process_figures()};
    view.sinks.push_back(view_of(sink_name, sink_.sink()));
    if (forwarder_ != nullptr) view.forwarder.emplace(view_of(*forwarder_));
    if (idempotency_ != nullptr) view.idempotency = idempotency_->figures();
    if (tls_ != nullptr) view.tls.emplace(view_of(*tls_, unix_ns()));
    view.add_tenants(tenants_);
    return view;
}

// Answers 200 also if nothing changes; only a change is logged. Requests that have passed the gate are not affected.
AdminAnswer AdminService::set_paused(bool is_paused) {
    // Relaxed: reactors read the flag for each request, and no other memory is published through it.
    if (state_.is_paused.exchange(is_paused, std::memory_order_relaxed) != is_paused)
        log::info(is_paused ? "telemetry_paused" : "telemetry_started");
    return {.body = R"({"ok":true})"};
}

// As in TelemetryHub, only while paused. After a time-out some reactors are reset and others are not: one that was
// asked and is late still resets itself. The client may ask again.
AdminAnswer AdminService::reset() {
    if (!state_.is_paused.load(std::memory_order_relaxed)) return refusal_answer(Refusal::not_paused);
    if (!collector_.collect(true)) return refusal_answer(Refusal::admin_timeout);
    log::info("counters_reset");
    return {.body = R"({"ok":true,"message":"Counters and histograms are zero."})"};
}

}  // namespace sluice
