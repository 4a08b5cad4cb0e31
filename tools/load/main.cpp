// sluice-load: reads the command line and does what it says.
//
//   sluice-load http://127.0.0.1:8080/telemetry --sample --rate 20000/s --connections 100
//   sluice-load --help
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <vector>

#include "tools/load/command/compare_command.hpp"
#include "tools/load/command/options.hpp"
#include "tools/load/command/run_command.hpp"
#include "tools/load/command/search_command.hpp"
#include "tools/load/command/verify_command.hpp"

namespace {

using sluice::load::ExitCode;

std::atomic<bool> stop_requested{false};

constexpr int code_of(ExitCode code) { return static_cast<int>(code); }

// The first Ctrl-C ends the run and reports it; a second one ends the process.
void stop_at_signals() {
    struct sigaction action{};
    action.sa_handler = [](int) { stop_requested.store(true, std::memory_order_release); };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
}

// A connection is a descriptor, and the usual soft limit is 1024.
void raise_descriptors_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
    using namespace sluice::load;
    const auto invocation = parse_command_line(argc, argv);
    if (!invocation) {
        std::fprintf(stderr, "sluice-load: %s\n", invocation.error().sentence.c_str());
        return code_of(ExitCode::bad_usage);
    }
    if (invocation->command == Invocation::Command::show) {
        std::fputs(invocation->text.c_str(), stdout);
        return code_of(ExitCode::ok);
    }
    if (invocation->command != Invocation::Command::verify) stop_at_signals();
    raise_descriptors_limit();
    const std::vector<std::string> command_line(argv, argv + argc);
    switch (invocation->command) {
        case Invocation::Command::verify: return code_of(verify(invocation->verify));
        case Invocation::Command::compare: return code_of(compare(invocation->compare, command_line, stop_requested));
        case Invocation::Command::run:
        case Invocation::Command::show: break;
    }
    if (invocation->search.is_wanted()) return code_of(search(*invocation, command_line, stop_requested));
    return code_of(run(invocation->plan, invocation->outputs, command_line, stop_requested));
}
