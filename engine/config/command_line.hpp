// The command line of `sluice`: what was asked for, as a value. Prints nothing and exits nowhere; main does.
//
//   auto invocation = parse_command_line(argc, argv);
//   if (!invocation) { print invocation.error().text to stderr; exit 2; }
//   if (invocation->command != Command::serve) { auto text = output_of(*invocation); … }
//   auto config = load_config(invocation->overrides);
//
// The only user of CLI11 (for compile time).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "engine/config/load.hpp"
#include "engine/config/print.hpp"

namespace sluice::config {

enum class Command : std::uint8_t {
    serve,         // overrides
    check_config,  // overrides, asks_redis; engine/check answers
    doctor,        // overrides, prints_json; engine/doctor answers
    print_config,  // format, shows_effective, overrides
    print_metrics,
    journal,       // journal_action; file: the directory; overrides for replay
    new_token,     // new_token
    dead,          // dead; overrides
    show,          // text: help or version
};

enum class JournalAction : std::uint8_t { ls, cat, verify, export_all, replay };

// What `journal replay` delivers. With anything but `rest` the position up to which all was delivered stays as it is.
struct ReplayRange {
    enum class Kind : std::uint8_t {
        rest,   // what was not delivered yet
        all,
        from,   // from `segment` and `offset` on
        since,  // samples with a time of at least `since`
    } kind = Kind::rest;
    std::uint64_t segment = 0;
    std::uint64_t offset = 0;  // of a record: a multiple of 8
    std::string since{};       // as typed: a time stamp, or how long ago
};

// What `token new` makes, as typed.
struct NewTokenOptions {
    std::string tenant{};
    std::string expires{};              // empty: never
    std::vector<std::string> scopes{};  // empty: the default
};

enum class DeadAction : std::uint8_t { ls, show, replay };

// What `dead` looks at.
struct DeadOptions {
    DeadAction action = DeadAction::ls;
    std::string tenant{};      // empty: all
    std::string to{};          // replay: a URL; empty: the configuration's address
    std::string token_file{};  // replay: empty: none
};

struct Invocation {
    Command command = Command::show;
    Overrides overrides;
    std::string file;
    PrintFormat format = PrintFormat::toml;
    bool shows_effective = false;  // print-config: what counts here, not the defaults
    bool asks_redis = false;       // check-config
    bool prints_json = false;      // doctor
    JournalAction journal_action = JournalAction::ls;
    ReplayRange replay_range{};
    std::string text;
    NewTokenOptions new_token{};
    DeadOptions dead{};
};

struct UsageError {
    std::string text;  // one sentence, with the whole help below it if no command was given. Without secrets
};

// `argv[0]` is ignored.
[[nodiscard]] std::expected<Invocation, UsageError> parse_command_line(int argc, const char* const* argv);

// What print-config and show write to stdout, with its line feeds. Reads files, writes none.
[[nodiscard]] std::expected<std::string, ConfigError> output_of(const Invocation& invocation);

// Exit codes of the process.
enum class ExitCode : std::uint8_t {
    ok = 0,
    failed = 1,  // accepted samples were lost when the engine stopped, or it failed while it ran
    bad_usage = 2,  // of the command line or the configuration
    no_io_uring = 3,  // the kernel or its settings refuse io_uring
};

}  // namespace sluice::config
