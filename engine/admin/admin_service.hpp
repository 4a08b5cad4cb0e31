// AdminService: what the admin endpoints answer. Runs on the admin thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/admin/admin_pages.hpp"
#include "engine/admin/answer.hpp"
#include "engine/admin/engine_view.hpp"
#include "engine/admin/readiness.hpp"
#include "engine/admin/snapshot_collector.hpp"
#include "engine/config/config.hpp"
#include "engine/delivery/sink_thread.hpp"
#include "engine/forward/forwarder.hpp"
#include "engine/idempotency/idempotency_table.hpp"
#include "engine/ingest/engine_state.hpp"
#include "engine/tenants/tenant_table.hpp"
#include "engine/tls/published.hpp"

namespace sluice {

class AdminService {
  public:
    // All outlive this. `forwarder` is null without a journal in front of Redis, `idempotency` where no keys are
    // remembered.
    AdminService(const config::Config& config, EngineState& state, const Readiness& readiness, const SinkThread& sink,
                 const forward::Forwarder* forwarder, const IdempotencyTable* idempotency);

    // Once, before the first answer: in the order of the configuration's cores. They outlive this.
    // `tls`: null where no listener speaks it.
    void connect(std::vector<ReactorPort*> reactors, const tls::Published* tls) {
        collector_.connect(std::move(reactors));
        tls_ = tls;
    }

    // Blocks this thread until the reactors have answered, at most SnapshotCollector::patience_default.
    [[nodiscard]] AdminAnswer answer(AdminPage page);

    // Any thread.
    [[nodiscard]] bool is_draining() const { return state_.is_draining.load(std::memory_order_relaxed); }

    // The admin thread, or before it runs. From here on tenants have the names of `table`.
    void use_tenants(std::shared_ptr<const tenants::TenantTable> table) { tenants_ = std::move(table); }

  private:
    // Valid until the next collect() of collector_.
    [[nodiscard]] EngineView view() const;
    [[nodiscard]] AdminAnswer set_paused(bool is_paused);
    [[nodiscard]] AdminAnswer reset();

    const config::Config& config_;
    EngineState& state_;
    const Readiness& readiness_;
    const SinkThread& sink_;
    const forward::Forwarder* forwarder_;
    const IdempotencyTable* idempotency_;
    const tls::Published* tls_ = nullptr;
    SnapshotCollector collector_;
    // Monotonic time of construction, which is before the engine listens. The uptime counts from here.
    std::uint64_t begin_ns_;
    std::shared_ptr<const tenants::TenantTable> tenants_;  // null: there are none
};

}  // namespace sluice
