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
    if (page == AdminPage::status) return {.body = render_status(view())};
    return {.content_type = metrics_content_type, .body = render_metrics(view())};
}

EngineView AdminService::view() const {
    const std::uint64_t now_ns = monotonic_ns();
    EngineView view{config_, state_, readiness_.state(), now_ns - begin_ns_, now_ns, collector_.snapshots(), {},
                    {},      {}};
    view.sinks.push_back(view_of(sink_name, sink_.sink()));
    if (forwarder_ != nullptr) view.forwarder.emplace(view_of(*forwarder_));
    if (idempotency_ != nullptr) view.idempotency = idempotency_->figures();
    return view;
}

AdminAnswer AdminService::set_paused(bool paused) {
    if (state_.paused.exchange(paused, std::memory_order_relaxed) != paused)
        log::info(paused ? "telemetry_paused" : "telemetry_started");
    return {.body = R"({"ok":true})"};
}

AdminAnswer AdminService::reset() {
    if (!state_.paused.load(std::memory_order_relaxed)) return refusal_answer(Refusal::not_paused);
    if (!collector_.collect(true)) return refusal_answer(Refusal::admin_timeout);
    log::info("counters_reset");
    return {.body = R"({"ok":true,"message":"Counters and histograms are zero."})"};
}

}  // namespace sluice
