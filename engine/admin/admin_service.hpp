// AdminService: what the admin endpoints answer. Runs on the admin thread only.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <semaphore>
#include <string>
#include <vector>

#include "engine/admin/reactor_port.hpp"
#include "engine/admin/readiness.hpp"
#include "engine/admin/snapshot.hpp"
#include "engine/config/config.hpp"
#include "engine/delivery/sink_thread.hpp"
#include "engine/forward/forwarder.hpp"
#include "engine/http/router.hpp"
#include "engine/idempotency/idempotency_table.hpp"
#include "engine/ingest/engine_state.hpp"

namespace sluice {

// Everything that /status and /metrics are rendered from: one moment of the engine.
struct EngineView {
    const config::Config& config;
    const EngineState& state;
    const Readiness& readiness;
    const std::vector<std::unique_ptr<SinkThread>>& sinks;
    const std::vector<std::unique_ptr<Snapshot>>& reactors;
    const forward::Forwarder* forwarder;  // null: no journal in front of Redis
    std::uint64_t uptime_ns;
    const IdempotencyTable* idempotency;  // null: no keys are remembered
};

[[nodiscard]] inline std::uint64_t load(const std::atomic<std::uint64_t>& value) {
    return value.load(std::memory_order_relaxed);
}

// JSON of GET /status; the members of TelemetryHub's first (README, "Endpoints").
[[nodiscard]] std::string render_status(const EngineView& view);
// Prometheus text exposition format 0.0.4 of GET /metrics.
[[nodiscard]] std::string render_metrics(const EngineView& view);

class AdminService {
  public:
    AdminService(const config::Config& config, EngineState& state, const Readiness& readiness,
                 const std::vector<std::unique_ptr<SinkThread>>& sinks, const forward::Forwarder* forwarder,
                 const IdempotencyTable* idempotency);
    ~AdminService();

    // Once, before the first answer: whom to ask, in the order of the configuration's cores. They outlive this.
    void connect(std::vector<ReactorPort*> reactors);

    struct Answer {
        std::uint16_t status = 200;
        http::ContentType type = http::ContentType::json;
        std::string body;
    };
    // Blocks this thread until the reactors have answered, at most reactor_patience; reactors never wait for it.
    [[nodiscard]] Answer answer(http::Endpoint endpoint);

  private:
    // A reactor that was asked and did not answer in time still holds its Question: it is not asked again until it has.
    struct Question {
        Snapshot snapshot;
        std::binary_semaphore answered{0};
        bool is_outstanding = false;
    };

    enum class Wait : std::uint8_t { answered, ended, timed_out };

    [[nodiscard]] bool take_snapshots(bool resets);
    [[nodiscard]] Wait wait_for(std::size_t reactor_index, std::chrono::steady_clock::time_point deadline);
    [[nodiscard]] Answer set_paused(bool paused);
    [[nodiscard]] Answer reset();

    const config::Config& config_;
    EngineState& state_;
    const Readiness& readiness_;
    std::vector<ReactorPort*> reactors_;
    const std::vector<std::unique_ptr<SinkThread>>& sinks_;
    const forward::Forwarder* forwarder_;
    const IdempotencyTable* idempotency_;
    std::vector<std::shared_ptr<Question>> questions_;
    std::vector<std::unique_ptr<Snapshot>> snapshots_;
    std::uint64_t begin_ns_;
};

}  // namespace sluice
