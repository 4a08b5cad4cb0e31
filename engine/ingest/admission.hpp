// Admission: whether a request to POST /telemetry can be taken, as far as that is known before its body is. One for
// each reactor, on its thread; it reads atomics that others write, and waits for nobody.
//
// The place for every reason to shed load that lies outside the reactor. A reason is one row in check(); who measures
// it (a sink's thread, a watcher) publishes it as an atomic that is read here.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "engine/core/ack.hpp"
#include "engine/core/refusal.hpp"
#include "engine/ingest/engine_state.hpp"
#include "sinks/sink.hpp"

namespace sluice {

class Admission {
  public:
    // `signal`: of the sink that the reactor's batches go to. Both outlive this.
    Admission(const EngineState& state, const sinks::SinkSignal& signal) : state_(state), signal_(signal) {}

    // Why a request for `level` must be refused now; nothing if it may be taken.
    [[nodiscard]] std::optional<Refusal> check(AckLevel level) const;

    // The same of a request that is decoded, by the lanes of its samples, where they lead to different servers: one may
    // be away.
    [[nodiscard]] std::optional<Refusal> check_lanes(AckLevel level, std::span<const std::uint32_t> lanes) const;

    // A request for `level` was taken. Where a breaker is half open, this was the reactor's one for this turn.
    void taken(AckLevel level);

    // Whether the sink cannot be used: its breaker is open, or half open and this reactor has used its turn.
    [[nodiscard]] bool is_cut_off() const { return !takes_stored(); }
    // When it is worth to try again (monotonic): the sink is tried if it cannot be used, and Redis and its consumers
    // may be back within their bounds if one is passed. 0: at once.
    [[nodiscard]] std::uint64_t retry_ns() const;

  private:
    [[nodiscard]] bool takes_stored() const;

    const EngineState& state_;
    const sinks::SinkSignal& signal_;
    std::uint64_t used_turn_number_ = 0;  // the last of the breaker's turns in which a request was let through
};

}  // namespace sluice
