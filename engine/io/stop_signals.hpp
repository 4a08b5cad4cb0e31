// The signals that end a tool in order (process_signals.hpp: stops_a_tool()). They are waited for instead of handled.
#pragma once

#include <pthread.h>
#include <signal.h>

#include "engine/io/process_signals.hpp"

namespace sluice {

// Blocks them in this thread and in those that it starts later; for sigwait(3) and sigtimedwait(2). Ignores the others.
inline sigset_t block_stop_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const SignalRow& row : signal_table)
        if (stops_a_tool(row.meaning)) ::sigaddset(&signals, row.number);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    ignore_other_signals();
    return signals;
}

}  // namespace sluice
