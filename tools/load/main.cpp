// sluice-load: reads the command line and does what it says.
//
//   sluice-load http://127.0.0.1:8080/telemetry --sample --rate 20000/s --connections 100
//   sluice-load --help
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <string>
#include <system_error>
#include <vector>

#include "engine/core/clock.hpp"
#include "engine/core/standard_streams.hpp"
#include "engine/core/thread_limit.hpp"
#include "engine/io/process_signals.hpp"
#include "engine/log/writer.hpp"
#include "tools/load/command/compare_command.hpp"
#include "tools/load/command/options.hpp"
#include "tools/load/command/run_command.hpp"
#include "tools/load/command/search_command.hpp"
#include "tools/load/command/verify_command.hpp"

namespace {

using sluice::load::ExitCode;

std::atomic<bool> stop_requested{false};

constexpr int code_of(ExitCode code) { return static_cast<int>(code); }

// The first signal ends the run, which is reported. One within a second is the same signal: timeout(1) sends two. A
// later one ends the process. Async-signal-safe; any thread.
void on_stop_signal(int signal) {
    constexpr std::uint64_t repeat_ns = 1'000'000'000;
    static std::atomic<std::uint64_t> first_ns{0};  // only the handler uses it, relaxed
    std::uint64_t none = 0;
    const std::uint64_t now_ns = sluice::monotonic_ns();
    if (first_ns.compare_exchange_strong(none, now_ns, std::memory_order_relaxed))
        return stop_requested.store(true, std::memory_order_release);
    // SIGXCPU comes again for each second of CPU (setrlimit(2)).
    if (now_ns - none < repeat_ns || signal == SIGXCPU) return;
    ::signal(signal, SIG_DFL);
    ::raise(signal);  // blocked while this handler runs: it comes when the handler returns
}

// The others mean nothing to a run, and their default would end it without a report.
void stop_at_signals() {
    struct sigaction action{};
    action.sa_handler = on_stop_signal;
    for (const sluice::SignalRow& row : sluice::signal_table)
        if (sluice::stops_a_tool(row.meaning)) ::sigaction(row.number, &action, nullptr);
    sluice::ignore_other_signals();
}

// A connection is a descriptor, and the usual soft limit is 1024.
void raise_descriptors_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

int carry_out(const sluice::load::Invocation& invocation, const std::vector<std::string>& command_line) {
    using namespace sluice::load;
    switch (invocation.command) {
        case Invocation::Command::verify: return code_of(verify(invocation.verify));
        case Invocation::Command::compare: return code_of(compare(invocation.compare, command_line, stop_requested));
        case Invocation::Command::run:
        case Invocation::Command::show: break;
    }
    if (invocation.search.is_wanted()) return code_of(search(invocation, command_line, stop_requested));
    return code_of(run(invocation.plan, invocation.outputs, command_line, stop_requested));
}

// A thread that cannot be made is one of a writer's: those that make load tell it themselves.
int carry_out_or_tell(const sluice::load::Invocation& invocation, const std::vector<std::string>& command_line) {
    try {
        return carry_out(invocation, command_line);
    } catch (const std::system_error& error) {
        return code_of(sluice::load::complain(sluice::no_thread_sentence(error)));
    }
}

// `code`, or 1 where what was printed has not arrived.
int code_after_printing(int code) {
    if (sluice::is_stdout_written()) return code;
    sluice::log::say("sluice-load: " + std::string(sluice::stdout_not_written));
    return code == code_of(ExitCode::ok) ? code_of(ExitCode::threshold_missed) : code;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace sluice::load;
    sluice::open_standard_descriptors();
    ::signal(SIGPIPE, SIG_IGN);  // of every command: a write that fails is told
    const auto invocation = parse_command_line(argc, argv);
    if (!invocation) {
        sluice::log::say("sluice-load: " + invocation.error().sentence);
        return code_of(ExitCode::bad_usage);
    }
    if (invocation->command == Invocation::Command::show) {
        std::fputs(invocation->text.c_str(), stdout);
        return code_after_printing(code_of(ExitCode::ok));
    }
    if (invocation->command != Invocation::Command::verify) stop_at_signals();
    raise_descriptors_limit();
    for (const std::string& warning : invocation->warnings) sluice::log::say("sluice-load: " + warning);
    return code_after_printing(carry_out_or_tell(*invocation, std::vector<std::string>(argv, argv + argc)));
}
