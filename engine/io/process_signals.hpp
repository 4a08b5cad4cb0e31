// What each signal means to a running engine, and to the tools. Every signal that would end the process has a row: none
// of them ends it without a word. The others stop it for a debugger (TSTP, TTIN, TTOU), end it in any case (KILL), or
// tell of a bug (SEGV, BUS, ILL, FPE, ABRT).
//
// Signals are waited for by the main thread, not handled. They are blocked in every thread, also where the process was
// started with them ignored (nohup): Linux keeps a blocked signal for who waits for it.
#pragma once

#include <signal.h>

#include <cstdint>
#include <string>

#include "engine/core/descriptor.hpp"

namespace sluice {

enum class SignalMeaning : std::uint8_t {
    stop,  // drain, then end
    reload,  // the configuration is to be read again; engines of this version ignore it
    none,  // ignored, with a log line
    silent,  // ignored: it tells of an error that a call returns, or of a timer that the engine does not use
};

struct SignalRow {
    int number;
    const char* name;
    SignalMeaning meaning;
};

inline constexpr SignalRow signal_table[] = {
    {SIGTERM, "SIGTERM", SignalMeaning::stop},
    {SIGINT, "SIGINT", SignalMeaning::stop},
    {SIGQUIT, "SIGQUIT", SignalMeaning::stop},
    {SIGPWR, "SIGPWR", SignalMeaning::stop},  // power is failing; some container managers stop with it
    {SIGXCPU, "SIGXCPU", SignalMeaning::stop},  // RLIMIT_CPU: SIGKILL comes at the hard limit
    {SIGHUP, "SIGHUP", SignalMeaning::reload},  // also: the terminal was closed
    {SIGUSR1, "SIGUSR1", SignalMeaning::none},
    {SIGUSR2, "SIGUSR2", SignalMeaning::none},
    {SIGALRM, "SIGALRM", SignalMeaning::none},
    {SIGSTKFLT, "SIGSTKFLT", SignalMeaning::none},
    // Of a debugger's breakpoint and of a call that seccomp forbids the kernel sends them so that blocking does not
    // help.
    {SIGTRAP, "SIGTRAP", SignalMeaning::none},
    {SIGSYS, "SIGSYS", SignalMeaning::none},
    {SIGPIPE, "SIGPIPE", SignalMeaning::silent},  // a broken pipe is an error of its send
    {SIGXFSZ, "SIGXFSZ", SignalMeaning::silent},  // RLIMIT_FSIZE: an error of its write
    {SIGIO, "SIGIO", SignalMeaning::silent},
    {SIGVTALRM, "SIGVTALRM", SignalMeaning::silent},
    {SIGPROF, "SIGPROF", SignalMeaning::silent},
};
// Real-time signals (SIGRTMIN to SIGRTMAX) mean `none`.

// Whether it ends a tool in order. A tool has nothing to reload, and the terminal that was closed is its own.
[[nodiscard]] constexpr bool stops_a_tool(SignalMeaning meaning) {
    return meaning == SignalMeaning::stop || meaning == SignalMeaning::reload;
}

// For a tool: ignores the signals that do not stop it, real-time signals too, unless somebody has a handler for them.
void ignore_other_signals();

// Blocks in this thread, and in those that it starts later, all signals that are waited for, and returns them. Ignores
// the silent ones, unless somebody has a handler for them (a profiler). Main thread, before it starts others.
[[nodiscard]] sigset_t take_process_signals();

// The next one of `signals`, or 0 when `timeout_ns` has passed. May return 0 earlier.
[[nodiscard]] int wait_for_signal(const sigset_t& signals, std::uint64_t timeout_ns);

// Readable while one of `signals` is pending (signalfd(2)). Closed where the process has no descriptor left.
[[nodiscard]] Descriptor watch_signals(const sigset_t& signals);
// Until one is pending, `timeout_ns` at most. It stays pending. May return earlier.
void wait_until_pending(const Descriptor& watch, std::uint64_t timeout_ns);
// Whether a signal that means `stop` is pending, in a thread that blocks them. Any thread. A system call.
[[nodiscard]] bool is_stop_pending();

// Of any number that wait_for_signal() returns but 0.
[[nodiscard]] SignalMeaning meaning_of(int signal_number);
[[nodiscard]] std::string signal_name(int signal_number);

}  // namespace sluice
