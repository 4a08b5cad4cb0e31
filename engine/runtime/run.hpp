// The life of an engine that has started: signals, the phases of its end, and the totals. Main thread.
#pragma once

#include <signal.h>

#include <cstdint>

#include "engine/runtime/engine.hpp"

namespace sluice {

enum class RunOutcome : std::uint8_t {
    clean,    // all that was accepted is delivered, or its clients were told
    unclean,  // something is undelivered, or the conservation law does not hold
    at_once,  // threads still run: the process ends with _exit(2)
};

// Waits for `signals` (take_process_signals()) until one stops the engine; then takes it through the phases of
// stop_sequence.hpp and logs the totals.
[[nodiscard]] RunOutcome run_until_stopped(Engine& engine, const sigset_t& signals);

}  // namespace sluice
