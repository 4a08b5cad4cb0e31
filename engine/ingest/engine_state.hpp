// EngineState: the few facts that every thread of the engine may ask for.
#pragma once

#include <atomic>
#include <cstdint>

#include "engine/core/cache_line.hpp"
#include "engine/tenants/tenants_figures.hpp"
#include "engine/watch/gauges.hpp"

namespace sluice {

struct EngineState {
    // Written by the admin thread (POST /stop, /start). Read relaxed by the reactors: a request that races with the
    // change may see either.
    alignas(cache_line_bytes) std::atomic<bool> is_paused{false};
    // Written by the main thread when the drain begins; read relaxed for /ready and /status, and by servers that look
    // whether they are to stop.
    std::atomic<bool> is_draining{false};
    // How often settings have changed since the start. Written by the main thread before threads are told; each reactor
    // says which it uses (Snapshot).
    std::atomic<std::uint64_t> settings_generation{0};
    // Written by the watcher; read by the reactors before they take telemetry, and for /ready, /status and /metrics.
    watch::Gauges gauges;
    tenants::TenantsFigures reloads;
};

}  // namespace sluice
