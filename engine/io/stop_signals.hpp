// The signals that end a program: SIGTERM and SIGINT, which are waited for instead of handled.
#pragma once

#include <pthread.h>
#include <signal.h>

namespace sluice {

// Blocks them in this thread and in those that it starts later; for sigwait(3) and sigtimedwait(2).
inline sigset_t block_stop_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGTERM);
    ::sigaddset(&signals, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    return signals;
}

}  // namespace sluice
