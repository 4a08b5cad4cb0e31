// The signals that end a tool in order: SIGTERM, SIGINT, SIGQUIT, and SIGHUP of a terminal that is closed. They are
// waited for instead of handled. For an engine see process_signals.hpp.
#pragma once

#include <pthread.h>
#include <signal.h>

namespace sluice {

// Blocks them in this thread and in those that it starts later; for sigwait(3) and sigtimedwait(2).
inline sigset_t block_stop_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) ::sigaddset(&signals, signal);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    return signals;
}

}  // namespace sluice
