// EngineState: the few facts that every thread of the engine may ask for.
#pragma once

#include <atomic>
#include <cstdint>

#include "engine/watch/gauges.hpp"

namespace sluice {

struct EngineState {
    // Written by the admin thread (POST /stop, /start). Read relaxed by the reactors: a request that races with the
    // change may see either.
    alignas(64) std::atomic<bool> paused{false};
    // Written once by the main thread when the drain begins; read relaxed for /ready and /status.
    std::atomic<bool> draining{false};
    // Written by the watcher; read by the reactors before they take telemetry, and for /ready, /status and /metrics.
    watch::Gauges gauges;
};

}  // namespace sluice
