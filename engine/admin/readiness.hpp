// Readiness: whether telemetry would be taken and delivered now, and if not, why. For GET /ready and /status.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/delivery/sink_thread.hpp"
#include "engine/http/reply.hpp"
#include "engine/ingest/engine_state.hpp"

namespace sluice {

class Readiness {
  public:
    Readiness(const EngineState& state, const std::vector<std::unique_ptr<SinkThread>>& sinks)
        : state_(state), sinks_(sinks) {}

    // How long a refused sample counts if nothing follows it: a sink that keeps nothing is tried by samples alone, and
    // a load balancer that waited for a success would never send one.
    static constexpr std::uint64_t refusal_counts_for_ns = 5'000'000'000;

    struct Verdict {
        bool is_ready;
        std::string_view code;
        std::string reason;  // one sentence; empty if ready
        std::string_view breaker;  // state of the circuit breaker, if a sink is the reason
    };
    // Any thread. Takes a lock and allocates when a sink is in trouble.
    [[nodiscard]] Verdict verdict() const;

    // The JSON body and status of GET /ready.
    [[nodiscard]] std::string body(const Verdict& verdict) const;

  private:
    const EngineState& state_;
    const std::vector<std::unique_ptr<SinkThread>>& sinks_;
};

}  // namespace sluice
