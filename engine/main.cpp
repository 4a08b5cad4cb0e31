// sluice: reads the command line, then serves until a signal.
//
//   sluice serve --listen 127.0.0.1:8080 --sink redis://127.0.0.1:6379
//   sluice check-config sluice.toml
//   sluice doctor --config sluice.toml
//   sluice print-config > sluice.toml
//   sluice print-metrics
//   sluice journal cat DIR
//   sluice token new --tenant acme
//   sluice --help
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/admin/metrics_markdown.hpp"
#include "engine/check/check_config.hpp"
#include "engine/config/command_line.hpp"
#include "engine/config/exposed_secrets.hpp"
#include "engine/config/load.hpp"
#include "engine/config/service_variables.hpp"
#include "engine/core/clock.hpp"
#include "engine/core/standard_streams.hpp"
#include "engine/core/thread_limit.hpp"
#include "engine/dead_tool/commands.hpp"
#include "engine/doctor/doctor.hpp"
#include "engine/io/process_signals.hpp"
#include "engine/journal_tool/commands.hpp"
#include "engine/log/log.hpp"
#include "engine/log/writer.hpp"
#include "engine/runtime/access_files.hpp"
#include "engine/runtime/engine.hpp"
#include "engine/runtime/run.hpp"
#include "engine/tenants/token_command.hpp"

namespace {

using sluice::config::ExitCode;

constexpr int code_of(ExitCode code) { return static_cast<int>(code); }

int fail(const std::string& sentence, ExitCode code) {
    sluice::log::say("sluice: " + sentence);
    return code_of(code);
}

// What a command prints.
int show(const std::string& text) {
    if (sluice::print(text)) return code_of(ExitCode::ok);
    return fail(std::string(sluice::stdout_not_written), ExitCode::failed);
}

int make_token(const sluice::config::NewTokenOptions& options) {
    const auto text = sluice::tenants::new_token_text({options.tenant, options.expires, options.scopes},
                                                      sluice::unix_ns() / 1'000'000'000);
    return text ? show(*text) : fail(text.error(), ExitCode::bad_usage);
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

// Of an engine. Its sentence goes the way of the log, so that a reader of stderr that has stopped does not hold up the
// end.
int fail_to_serve(const sluice::Engine::StartError& error) {
    sluice::log::say("sluice: " + error.sentence);
    return code_of(error.is_io_uring_unavailable ? ExitCode::no_io_uring : ExitCode::failed);
}

void warn_of_secrets(const sluice::config::Overrides& overrides) {
    for (const std::string& option : sluice::config::exposed_secrets(overrides))
        sluice::log::warn("secret_on_command_line", {{"option", option},
                                                     {"reason", sluice::config::exposed_reason},
                                                     {"change", sluice::config::exposed_change}});
}

int serve(sluice::config::Config config, sluice::AccessFiles access, const std::string& ignored_variables,
          const sluice::config::Overrides& overrides) {
    // Every thread is started with them blocked; the main thread waits for them.
    const sigset_t signals = sluice::take_process_signals();
    sluice::log::configure(config.log.level, config.log.format);
    std::optional<sluice::log::Writer> writer;  // outlives the engine, whose threads log
    try {
        writer.emplace();
    } catch (const std::system_error& error) {  // of std::thread
        return fail(sluice::no_thread_sentence(error), ExitCode::failed);
    }
    if (!ignored_variables.empty())
        sluice::log::info("variables_ignored",
                          {{"names", ignored_variables}, {"reason", "Kubernetes makes them of Services"}});
    warn_of_secrets(overrides);
    sluice::Engine engine(std::move(config), std::move(access));
    if (const auto started = engine.start(); !started) return fail_to_serve(started.error());
    switch (run_until_stopped(engine, signals)) {
        case sluice::RunOutcome::clean: return code_of(ExitCode::ok);
        case sluice::RunOutcome::unclean: return code_of(ExitCode::failed);
        case sluice::RunOutcome::at_once: break;
    }
    // No destructors run: they would wait for the forwarder and the watcher. What is in memory only is lost; what was
    // acknowledged as stored or journaled is not.
    static_cast<void>(sluice::log::flush());
    ::_exit(code_of(ExitCode::failed));
}

}  // namespace

int main(int argc, char** argv) {
    using namespace sluice::config;
    sluice::open_standard_descriptors();
    auto invocation = parse_command_line(argc, argv);
    if (!invocation) return fail(invocation.error().text, ExitCode::bad_usage);
    if (invocation->command == Command::journal) return code_of(sluice::journal_tool::run(*invocation));
    if (invocation->command == Command::new_token) return make_token(invocation->new_token);
    if (invocation->command == Command::dead)
        return code_of(sluice::dead_tool::run(*invocation, Environment::of_process()));
    if (invocation->command == Command::print_metrics) return show(sluice::print_metrics());
    if (invocation->command == Command::check_config) {
        sluice::ignore_other_signals();  // SIGPIPE: the connection to Redis may break
        const auto answer = sluice::check::check_config(*invocation, Environment::of_process());
        if (!answer) return fail(answer.error().sentence, ExitCode::bad_usage);
        const int shown = show(answer->text);
        return answer->error.empty() ? shown : fail(answer->error, ExitCode::failed);
    }
    if (invocation->command == Command::doctor) {
        sluice::ignore_other_signals();  // SIGPIPE: as above
        const auto answer = sluice::doctor::run(*invocation, Environment::of_process());
        const int shown = show(answer.text);
        return shown == code_of(ExitCode::ok) ? answer.exit_code : shown;
    }
    if (invocation->command != Command::serve) {
        const auto text = output_of(*invocation);
        return text ? show(*text) : fail(text.error().sentence, ExitCode::bad_usage);
    }
    const Environment environment = Environment::of_process();
    auto config = load_config(invocation->overrides, environment);
    if (!config) return fail(config.error().sentence, ExitCode::bad_usage);
    auto access = sluice::read_access_files(*config);
    if (!access) return fail(access.error(), ExitCode::bad_usage);
    return serve(std::move(*config), std::move(*access), joined(service_variables(environment.variables)),
                 invocation->overrides);
}
