// Readiness: whether telemetry would be taken and delivered now, and if not, why. For GET /ready, /status and /metrics.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/delivery/sink_thread.hpp"
#include "engine/ingest/engine_state.hpp"

namespace sluice {

struct ReadinessState {
    bool is_ready = true;
    std::string_view code;  // of the refusal that telemetry would get; empty if ready
    std::string reason;  // one sentence; empty if ready
    std::string_view breaker;  // state of the circuit breaker, if a sink is the reason
};

// Any thread; it only reads what others publish.
// Looks at the sink that the reactors hand their batches to. Where that is a journal in front of Redis, the engine
// stays ready while Redis is away: it goes on taking samples.
class Readiness {
  public:
    // Both outlive this.
    Readiness(const EngineState& state, const SinkThread& sink) : state_(state), sink_(sink) {}

    // How long a refused sample counts if nothing follows it. A sink that keeps nothing is tried by samples alone, and
    // a load balancer that waited for a success would never send one.
    static constexpr std::uint64_t refusal_counts_for_ns = 5'000'000'000;

    // Any thread. Takes a lock and allocates when a sink has an error.
    [[nodiscard]] ReadinessState state() const;

  private:
    const EngineState& state_;
    const SinkThread& sink_;
};

}  // namespace sluice
