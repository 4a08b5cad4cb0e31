// sluice: reads the command line, then serves until a signal.
//
//   sluice serve --listen 127.0.0.1:8080 --sink redis://127.0.0.1:6379
//   sluice check-config sluice.toml
//   sluice print-config > sluice.toml
//   sluice print-metrics
//   sluice journal cat DIR
//   sluice --help
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "engine/admin/metrics_markdown.hpp"
#include "engine/config/command_line.hpp"
#include "engine/config/exposed_secrets.hpp"
#include "engine/config/load.hpp"
#include "engine/config/service_variables.hpp"
#include "engine/core/clock.hpp"
#include "engine/io/stop_signals.hpp"
#include "engine/journal_tool/commands.hpp"
#include "engine/log/log.hpp"
#include "engine/runtime/engine.hpp"

namespace {

using sluice::config::ExitCode;

constexpr int code_of(ExitCode code) { return static_cast<int>(code); }

int fail(const std::string& sentence, ExitCode code) {
    std::fprintf(stderr, "sluice: %s\n", sentence.c_str());
    return code_of(code);
}

// The signal that came, or 0 when `timeout_ns` has passed.
// A signal that is not among them may end the wait early (EINTR): 0, too.
int wait_for_signal(const sigset_t& signals, std::uint64_t timeout_ns) {
    timespec timeout{};
    timeout.tv_sec = static_cast<time_t>(timeout_ns / 1'000'000'000);
    timeout.tv_nsec = static_cast<long>(timeout_ns % 1'000'000'000);
    const int signal = ::sigtimedwait(&signals, nullptr, &timeout);
    return signal > 0 ? signal : 0;
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

void wait_for_stop(const sigset_t& signals) {
    int signal = 0;
    while (signal == 0) {
        if (::sigwait(&signals, &signal) != 0) signal = 0;
    }
    sluice::log::info("draining", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
}

// False if a second signal came.
// True at the deadline, too: Engine::stop() then reports what is undelivered. Polled, since nothing of the engine can
// end a sigtimedwait(2).
bool wait_until_drained(const sluice::Engine& engine, const sigset_t& signals) {
    constexpr std::uint64_t poll_interval_ns = 10'000'000;
    const std::uint64_t deadline_ns = sluice::monotonic_ns() + engine.config().drain_timeout_ns;
    while (!engine.is_drained() && sluice::monotonic_ns() < deadline_ns)
        if (wait_for_signal(signals, poll_interval_ns) != 0) return false;
    return true;
}

// `dropped` is no failure: their clients were told. `undelivered` is one, since a client may have been answered 2xx
// (`queued`).
int report(const sluice::Engine::Report& report) {
    const bool is_clean = report.undelivered == 0 && report.is_conserved;
    sluice::log::line(is_clean ? sluice::LogLevel::info : sluice::LogLevel::error, "stopped",
                      {{"received", report.received},
                       {"accepted", report.accepted},
                       {"delivered", report.delivered},
                       {"rejected", report.rejected},
                       {"dropped", report.dropped},
                       {"undelivered", report.undelivered},
                       {"conserved", report.is_conserved}});
    return code_of(is_clean ? ExitCode::ok : ExitCode::failed);
}

void warn_of_secrets(const sluice::config::Overrides& overrides) {
    for (const std::string& option : sluice::config::exposed_secrets(overrides))
        sluice::log::warn("secret_on_command_line", {{"option", option},
                                                     {"reason", sluice::config::exposed_reason},
                                                     {"change", sluice::config::exposed_change}});
}

int serve(sluice::config::Config config, const std::string& ignored_variables,
          const sluice::config::Overrides& overrides) {
    // The main thread takes them, one at a time; every thread is started with them blocked.
    const sigset_t signals = sluice::block_stop_signals();
    ::signal(SIGPIPE, SIG_IGN);  // a broken pipe is an error of its send
    sluice::log::configure(config.log.level, config.log.format);
    if (!ignored_variables.empty())
        sluice::log::info("variables_ignored", {{"names", ignored_variables},
                                                {"reason", "Kubernetes makes them of a Service called sluice"}});
    warn_of_secrets(overrides);
    sluice::Engine engine(std::move(config));
    if (const auto started = engine.start(); !started)
        return fail(started.error().sentence,
                    started.error().is_io_uring_unavailable ? ExitCode::no_io_uring : ExitCode::failed);
    wait_for_stop(signals);
    engine.begin_drain();
    if (!wait_until_drained(engine, signals)) {
        sluice::log::warn("stopping_at_once", {{"reason", "second signal"}});
        // No destructors run: they would wait for the forwarder and the watcher. What is in memory only is lost; what
        // was acknowledged as stored or journaled is not.
        std::fflush(stderr);
        ::_exit(code_of(ExitCode::failed));
    }
    return report(engine.stop());
}

}  // namespace

int main(int argc, char** argv) {
    using namespace sluice::config;
    auto invocation = parse_command_line(argc, argv);
    if (!invocation) return fail(invocation.error().text, ExitCode::bad_usage);
    if (invocation->command == Command::journal) return code_of(sluice::journal_tool::run(*invocation));
    if (invocation->command == Command::print_metrics) {
        std::fputs(sluice::print_metrics().c_str(), stdout);
        return code_of(ExitCode::ok);
    }
    if (invocation->command != Command::serve) {
        const auto text = output_of(*invocation);
        if (!text) return fail(text.error().sentence, ExitCode::bad_usage);
        std::fputs(text->c_str(), stdout);
        return code_of(ExitCode::ok);
    }
    const Environment environment = Environment::of_process();
    auto config = load_config(invocation->overrides, environment);
    if (!config) return fail(config.error().sentence, ExitCode::bad_usage);
    return serve(std::move(*config), joined(service_variables(environment.variables)), invocation->overrides);
}
