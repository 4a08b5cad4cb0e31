// Admission: whether a request to POST /telemetry can be taken, as far as that is known before its body is. One for
// each reactor, on its thread; it reads atomics that others write, and waits for nobody.
//
// The place for every reason to shed load that lies outside the reactor. A reason is one row in check(); who measures
// it (a sink's thread, a watcher) publishes it as an atomic that is read here.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/core/ack.hpp"
#include "engine/core/refusal.hpp"
#include "engine/ingest/engine_state.hpp"
#include "sinks/sink.hpp"

namespace sluice {

class Admission {
  public:
    // `sinks`: the signals of those that the reactor's batches go to. They outlive this.
    Admission(const EngineState& state, std::vector<const sinks::SinkSignal*> sinks);

    // Why a request for `level` must be refused now; nothing if it may be taken.
    [[nodiscard]] std::optional<Refusal> check(AckLevel level) const;

    // The same of a request that is decoded, by the lanes of its samples, where they lead to different servers: one may
    // be away.
    [[nodiscard]] std::optional<Refusal> check_lanes(AckLevel level, std::span<const std::uint32_t> lanes) const;

    // A request for `level` was taken. Where a breaker is half open, this was the reactor's one for this turn.
    void taken(AckLevel level);

    // Whether no sink can be used: all breakers are open, or half open.
    [[nodiscard]] bool is_cut_off() const { return !any_takes_stored(); }
    // When it is worth to try again (monotonic): the first of the sinks is tried if none can be used, and Redis and its
    // consumers may be back within their bounds if one is passed. 0: at once.
    [[nodiscard]] std::uint64_t retry_ns() const;

  private:
    struct Sink {
        const sinks::SinkSignal* signal;
        std::uint64_t turn_used = 0;  // the last of the breaker's turns in which a request was let through
        [[nodiscard]] bool takes_stored() const;
    };
    [[nodiscard]] bool any_takes_stored() const;

    const EngineState& state_;
    std::vector<Sink> sinks_;
};

}  // namespace sluice
