#include "engine/config/command_line.hpp"

#include <CLI/CLI.hpp>

#include <array>

#include "engine/config/command_line_help.hpp"
#include "engine/config/property.hpp"
#include "engine/config/sink_url.hpp"
#include "engine/config/units.hpp"
#include "engine/core/escape.hpp"
#include "engine/core/limits.hpp"

namespace sluice::config {
namespace {

constexpr const char* version_line = "sluice " SLUICE_VERSION "\n";

struct JournalCommand {
    JournalAction action;
    const char* name;
    const char* help;
};
constexpr JournalCommand journal_commands[] = {
    {JournalAction::ls, "ls", "List the segments as NDJSON"},
    {JournalAction::cat, "cat", "Print the samples as they were received, as NDJSON"},
    {JournalAction::verify, "verify", "Check every record; report damage as NDJSON"},
    {JournalAction::export_all, "export", "Print the samples with position and time, as NDJSON"},
    {JournalAction::replay, "replay", "Deliver the samples to Redis"},
};

struct DeadCommand {
    DeadAction action;
    const char* name;
    const char* help;
};
constexpr DeadCommand dead_commands[] = {
    {DeadAction::ls, "ls", "Count the records of each tenant, as NDJSON"},
    {DeadAction::show, "show", "Print the records of a tenant, as NDJSON"},
    {DeadAction::replay, "replay", "Send the records of a tenant again"},
};

// The options of serve that stand for a key.
struct KeyOption {
    const char* option;
    const char* key;
    const char* value_name;
    const char* help;
};
constexpr KeyOption key_options[] = {
    {"--listen", "listen", "LIST",
     "Take telemetry here: addresses separated by commas, e.g. 127.0.0.1:8080,unix:/run/sluice.sock"},
    {"--admin", "admin.listen", "ADDRESS", "Serve /status, /metrics and the controls here; may be one of --listen"},
    {"--cores", "cores", "LIST", "One reactor on each of these cores: auto, or e.g. 0,2-3"},
    {"--sink", "sink.url", "URL",
     "redis[s]://[user[:password]@]host[:port][/db], redis[s]-cluster://host:port,..., "
     "redis[s]-sentinel://host:port,.../name, redis+unix:///path, journal:directory or null:; rediss speaks TLS"},
    {"--ack", "ack", "LEVEL", "What a 2xx promises: queued, journaled, stored or replicated"},
    {"--backend", "io.backend", "NAME", "io_uring, epoll, or auto: io_uring where it is available"},
    {"--log-level", "log.level", "LEVEL", "debug, info, warn or error"},
};

struct Parser {
    CLI::App app{"Sluice takes telemetry over HTTP and delivers it to Redis.", "sluice"};
    CLI::App* serve = app.add_subcommand("serve", "Run the engine in the foreground");
    CLI::App* check_config = app.add_subcommand("check-config", "Check a configuration file");
    CLI::App* doctor = app.add_subcommand("doctor", "Look for what on this machine would hurt");
    CLI::App* print_config = app.add_subcommand("print-config", "Print every key with unit, default, bounds and help");
    CLI::App* print_metrics =
        app.add_subcommand("print-metrics", "Print every metric with kind, unit, labels and help as Markdown");
    CLI::App* version = app.add_subcommand("version", "Print the version");
    CLI::App* journal = app.add_subcommand("journal", "Read or deliver a journal");
    std::array<CLI::App*, std::size(journal_commands)> journal_apps{};
    std::array<CLI::Option*, std::size(journal_commands)> journal_directories{};
    CLI::App* token = app.add_subcommand("token", "Make a token of a tenant");
    CLI::App* token_new = token->add_subcommand("new", "Print a new token, and its line for the file of tenants");
    CLI::Option* token_tenant = nullptr;
    CLI::Option* token_expires = nullptr;
    CLI::Option* token_scopes = nullptr;
    CLI::App* dead = app.add_subcommand("dead", "Look at refused records of tenants, and send them again");
    std::array<CLI::App*, std::size(dead_commands)> dead_apps{};
    std::array<CLI::Option*, std::size(dead_commands)> dead_tenants{};
    std::array<CLI::Option*, std::size(dead_commands)> dead_config_files{};
    std::array<CLI::Option*, std::size(dead_commands)> dead_settings{};
    CLI::Option* dead_to = nullptr;
    CLI::Option* dead_token_file = nullptr;
    CLI::Option* replay_to = nullptr;
    CLI::Option* replay_config_file = nullptr;
    CLI::Option* replay_settings = nullptr;
    CLI::Option* replay_all = nullptr;
    CLI::Option* replay_from = nullptr;
    CLI::Option* replay_since = nullptr;
    CLI::Option* config_file = nullptr;
    std::array<CLI::Option*, std::size(key_options)> keys{};
    CLI::Option* settings = nullptr;
    CLI::Option* checked_file = nullptr;
    CLI::Option* checked_settings = nullptr;
    CLI::Option* asks_redis = nullptr;
    CLI::Option* doctor_file = nullptr;
    CLI::Option* doctor_settings = nullptr;
    CLI::Option* prints_json = nullptr;
    CLI::Option* format = nullptr;
    CLI::Option* shows_effective = nullptr;
    CLI::Option* printed_file = nullptr;
    CLI::Option* printed_settings = nullptr;

    Parser() {
        app.require_subcommand(0, 1);
        app.set_version_flag("--version", "sluice " SLUICE_VERSION, "Print the version and exit");
        app.footer(main_help);
        serve->footer(serve_help);
        check_config->footer(check_config_help);
        doctor->footer(doctor_help);
        print_config->footer(print_config_help);
        declare_serve();
        declare_journal();
        declare_looking();
        declare_token();
        declare_dead();
    }

    void declare_dead() {
        dead->footer(dead_help);
        for (std::size_t i = 0; i < dead_apps.size(); ++i) {
            dead_apps[i] = dead->add_subcommand(dead_commands[i].name, dead_commands[i].help);
            dead_apps[i]->footer(dead_help);
            dead_tenants[i] = dead_apps[i]->add_option("--tenant", "Whose records")->type_name("NAME")->expected(1);
            dead_config_files[i] =
                dead_apps[i]->add_option("--config", "The engine's file")->type_name("FILE")->expected(1);
            dead_settings[i] = declare_settings(*dead_apps[i]);
            if (dead_commands[i].action != DeadAction::replay) continue;
            dead_to = dead_apps[i]->add_option("--to", "Send them here; without it to the first address of listen");
            dead_to->type_name("URL")->expected(1);
            dead_token_file = dead_apps[i]->add_option("--token-file", "The first line is a token of the tenant");
            dead_token_file->type_name("FILE")->expected(1);
        }
    }

    void declare_token() {
        token->footer(token_help);
        token_new->footer(token_help);
        token_tenant = token_new->add_option("--tenant", "Whose token it is")->type_name("NAME")->expected(1);
        token_expires = token_new->add_option("--expires", "How long it is good, e.g. 90d or 12h; without it for ever")
                            ->type_name("DURATION")
                            ->expected(1);
        token_scopes = token_new->add_option("--scopes", "What it may be used for: write (default), query, or both")
                           ->type_name("LIST")
                           ->expected(1);
    }

    void declare_looking() {
        checked_file =
            check_config->add_option("FILE", "The file to check; without one SLUICE_CONFIG names it")->expected(1);
        asks_redis =
            check_config->add_flag("--connect")->description("Connect to Redis, and ask what the engine would ask");
        checked_settings = declare_settings(*check_config);
        doctor_file = doctor->add_option("--config", "The engine's file")->type_name("FILE")->expected(1);
        doctor_settings = declare_settings(*doctor);
        prints_json = doctor->add_flag("--json")->description("Print the checks as one JSON object");
        format =
            print_config->add_option("--format", "toml (default), markdown or json")->type_name("FORMAT")->expected(1);
        shows_effective =
            print_config->add_flag("--effective")->description("Show what counts here, and where each value is from");
        printed_file =
            print_config->add_option("--config", "With --effective: read this file")->type_name("FILE")->expected(1);
        printed_settings = declare_settings(*print_config);
    }

    void declare_journal() {
        journal->footer(journal_help);
        for (std::size_t i = 0; i < journal_apps.size(); ++i) {
            journal_apps[i] = journal->add_subcommand(journal_commands[i].name, journal_commands[i].help);
            journal_directories[i] = journal_apps[i]->add_option("DIR", "The journal's directory")->expected(1);
            if (journal_commands[i].action != JournalAction::replay) continue;
            journal_apps[i]->footer(replay_help);
            replay_to = journal_apps[i]
                            ->add_option("--to",
                                         "Deliver here: redis[s]://…, redis[s]-cluster://…, redis[s]-sentinel://… or "
                                         "redis+unix://…; rediss speaks TLS")
                            ->type_name("URL")
                            ->expected(1);
            replay_config_file =
                journal_apps[i]->add_option("--config", "Read this file")->type_name("FILE")->expected(1);
            replay_settings = declare_settings(*journal_apps[i]);
            declare_range(*journal_apps[i]);
        }
    }

    void declare_range(CLI::App& replay) {
        replay_all = replay.add_flag("--all")->description("Deliver everything that the journal holds");
        replay_from = replay.add_option("--from", "Deliver from here on, a position as `journal export` prints it");
        replay_from->type_name("SEGMENT[:OFFSET]")->expected(1);
        replay_since = replay.add_option(
            "--since", "Deliver samples of this time and later: 2026-11-30T08:00:00Z, or how long ago, such as 2h");
        replay_since->type_name("TIME")->expected(1);
    }

    static CLI::Option* declare_settings(CLI::App& command) {
        CLI::Option* option =
            command.add_option("--set", "Set any key, e.g. batch.size=128KiB; may be given several times");
        return option->type_name("KEY=VALUE")->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }

    void declare_serve() {
        config_file = serve->add_option("--config", "Read this file")->type_name("FILE")->expected(1);
        for (std::size_t i = 0; i < keys.size(); ++i) {
            const KeyOption& option = key_options[i];
            keys[i] = serve->add_option(option.option, option.help)->type_name(option.value_name)->expected(1);
            keys[i]->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);  // load_config refuses a second one
        }
        settings = declare_settings(*serve);
    }
};

std::unexpected<UsageError> usage_error(const std::string& sentence, std::string_view help) {
    return std::unexpected(UsageError{sentence + "; see " + std::string(help)});
}

// An argument that may be shown: what may be a secret is left out.
std::string shown_argument(std::string_view argument) {
    if (argument.starts_with('-')) argument = argument.substr(0, argument.find('='));
    return quoted(redact_url(argument), limits::shown_bytes_max);
}

std::expected<Override, UsageError> split_setting(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == 0)
        return usage_error("--set takes KEY=VALUE, such as batch.size=128KiB, and found no key before the =",
                           "sluice serve --help");
    if (equals != std::string_view::npos) {
        return Override{"--set", std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
    }
    // What follows a blank or colon may be a value, and a secret one.
    const std::string key = quoted(text.substr(0, text.find_first_of(" :")), limits::shown_bytes_max);
    return usage_error("--set takes KEY=VALUE, such as batch.size=128KiB, and found no = after " + key,
                       "sluice serve --help");
}

// The values of --set, behind what `overrides` has.
std::expected<void, UsageError> read_settings(const CLI::Option& option, Overrides& overrides) {
    for (const std::string& text : option.results()) {
        auto setting = split_setting(text);
        if (!setting) return std::unexpected(std::move(setting).error());
        overrides.settings.push_back(*std::move(setting));
    }
    return {};
}

// The value of --config.
std::expected<void, UsageError> read_file_name(const CLI::Option& option, Overrides& overrides, const char* help) {
    const auto& files = option.results();
    if (files.size() > 1) return usage_error("--config is given twice", help);
    if (!files.empty() && files.front().empty()) return usage_error("--config names no file", help);
    if (!files.empty()) overrides.config_file = files.front();
    return {};
}

std::expected<Invocation, UsageError> read_serve(const Parser& parser) {
    Invocation invocation{.command = Command::serve, .overrides = {}, .file = {}, .text = {}};
    if (auto read = read_file_name(*parser.config_file, invocation.overrides, "sluice serve --help"); !read)
        return std::unexpected(std::move(read).error());
    for (std::size_t i = 0; i < std::size(key_options); ++i) {
        for (const std::string& value : parser.keys[i]->results()) {
            invocation.overrides.settings.push_back({key_options[i].option, key_options[i].key, value});
        }
    }
    if (auto read = read_settings(*parser.settings, invocation.overrides); !read)
        return std::unexpected(std::move(read).error());
    return invocation;
}

std::expected<ReplayRange, UsageError> read_position(std::string_view text) {
    constexpr std::uint64_t record_alignment = 8;  // of positions in a segment (sinks/journal/format.hpp)
    constexpr const char* help = "sluice journal replay --help";
    const std::size_t colon = text.find(':');
    const auto segment = parse_count(text.substr(0, colon));
    const auto offset = parse_count(colon == std::string_view::npos ? "0" : text.substr(colon + 1));
    if (segment && offset && *offset % record_alignment == 0)
        return ReplayRange{.kind = ReplayRange::Kind::from, .segment = *segment, .offset = *offset};
    if (segment && offset)
        return usage_error("--from is " + shown_argument(text) + ", where no record begins: offsets are multiples of 8",
                           help);
    return usage_error("--from is " + shown_argument(text) +
                           "; allowed is the number of a segment, or that and the offset of a record, such as 3:64",
                       help);
}

std::expected<ReplayRange, UsageError> read_range(const Parser& parser) {
    using Kind = ReplayRange::Kind;
    const auto& from = parser.replay_from->results();
    const auto& since = parser.replay_since->results();
    const bool is_all = !parser.replay_all->results().empty();
    if (from.size() + since.size() + (is_all ? 1 : 0) > 1)
        return usage_error("--all, --from and --since exclude each other", "sluice journal replay --help");
    if (is_all) return ReplayRange{.kind = Kind::all};
    if (!since.empty()) return ReplayRange{.kind = Kind::since, .since = since.front()};
    return from.empty() ? ReplayRange{} : read_position(from.front());
}

std::expected<Invocation, UsageError> read_replay(const Parser& parser, Invocation invocation) {
    auto range = read_range(parser);
    if (!range) return std::unexpected(std::move(range).error());
    invocation.replay_range = *std::move(range);
    const auto& urls = parser.replay_to->results();
    if (urls.size() != 1)
        return usage_error("replay needs --to, such as --to redis://127.0.0.1:6379", "sluice journal replay --help");
    invocation.overrides.settings.push_back({"--to", "sink.url", urls.front()});
    if (!parser.replay_config_file->results().empty())
        invocation.overrides.config_file = parser.replay_config_file->results().front();
    if (auto read = read_settings(*parser.replay_settings, invocation.overrides); !read)
        return std::unexpected(std::move(read).error());
    return invocation;
}

std::expected<Invocation, UsageError> read_journal(const Parser& parser) {
    for (std::size_t i = 0; i < parser.journal_apps.size(); ++i) {
        if (!parser.journal_apps[i]->parsed()) continue;
        const auto& directories = parser.journal_directories[i]->results();
        if (directories.size() != 1 || directories.front().empty())
            return usage_error(std::string(journal_commands[i].name) + " takes one directory, such as /var/lib/sluice",
                               "sluice journal --help");
        Invocation invocation{.command = Command::journal, .overrides = {}, .file = directories.front(), .text = {}};
        invocation.journal_action = journal_commands[i].action;
        return invocation.journal_action == JournalAction::replay ? read_replay(parser, std::move(invocation))
                                                                  : invocation;
    }
    return usage_error("journal takes one of ls, cat, verify, export and replay", "sluice journal --help");
}

std::expected<Invocation, UsageError> read_token(const Parser& parser) {
    constexpr const char* help = "sluice token new --help";
    if (!parser.token_new->parsed()) return usage_error("token takes new", "sluice token --help");
    const auto& tenants = parser.token_tenant->results();
    if (tenants.size() != 1) return usage_error("token new needs --tenant, such as --tenant acme", help);
    if (parser.token_expires->results().size() > 1) return usage_error("--expires is given twice", help);
    if (parser.token_scopes->results().size() > 1) return usage_error("--scopes is given twice", help);
    Invocation invocation{.command = Command::new_token, .overrides = {}, .file = {}, .text = {}};
    invocation.new_token.tenant = tenants.front();
    for (const std::string& expires : parser.token_expires->results()) {
        if (expires.empty()) return usage_error("--expires names no duration", help);
        invocation.new_token.expires = expires;
    }
    for (const std::string& scopes : parser.token_scopes->results()) invocation.new_token.scopes = elements_of(scopes);
    return invocation;
}

std::expected<Invocation, UsageError> read_dead(const Parser& parser) {
    constexpr const char* help = "sluice dead --help";
    for (std::size_t i = 0; i < parser.dead_apps.size(); ++i) {
        if (!parser.dead_apps[i]->parsed()) continue;
        Invocation invocation{.command = Command::dead, .overrides = {}, .file = {}, .text = {}};
        invocation.dead.action = dead_commands[i].action;
        const auto& tenants = parser.dead_tenants[i]->results();
        const bool needs_tenant = invocation.dead.action != DeadAction::ls;
        if (tenants.size() > 1 || (needs_tenant && (tenants.empty() || tenants.front().empty())))
            return usage_error(std::string(dead_commands[i].name) + " needs one --tenant, such as --tenant acme", help);
        if (!tenants.empty()) invocation.dead.tenant = tenants.front();
        if (auto read = read_file_name(*parser.dead_config_files[i], invocation.overrides, help); !read)
            return std::unexpected(std::move(read).error());
        if (auto read = read_settings(*parser.dead_settings[i], invocation.overrides); !read)
            return std::unexpected(std::move(read).error());
        if (invocation.dead.action != DeadAction::replay) return invocation;
        for (const std::string& url : parser.dead_to->results()) invocation.dead.to = url;
        for (const std::string& file : parser.dead_token_file->results()) invocation.dead.token_file = file;
        return invocation;
    }
    return usage_error("dead takes one of ls, show and replay", help);
}

std::expected<Invocation, UsageError> read_check_config(const Parser& parser) {
    const auto& files = parser.checked_file->results();
    if (!files.empty() && files.front().empty())
        return usage_error("check-config takes one file, such as sluice.toml", "sluice check-config --help");
    Invocation invocation{.command = Command::check_config, .overrides = {}, .file = {}, .text = {}};
    if (!files.empty()) invocation.overrides.config_file = files.front();
    invocation.asks_redis = !parser.asks_redis->results().empty();
    if (auto read = read_settings(*parser.checked_settings, invocation.overrides); !read)
        return std::unexpected(std::move(read).error());
    return invocation;
}

std::expected<Invocation, UsageError> read_doctor(const Parser& parser) {
    Invocation invocation{.command = Command::doctor, .overrides = {}, .file = {}, .text = {}};
    if (auto read = read_file_name(*parser.doctor_file, invocation.overrides, "sluice doctor --help"); !read)
        return std::unexpected(std::move(read).error());
    if (auto read = read_settings(*parser.doctor_settings, invocation.overrides); !read)
        return std::unexpected(std::move(read).error());
    invocation.prints_json = !parser.prints_json->results().empty();
    return invocation;
}

// The options that only --effective reads.
std::expected<void, UsageError> read_effective(const Parser& parser, Invocation& invocation) {
    constexpr const char* help = "sluice print-config --help";
    invocation.shows_effective = !parser.shows_effective->results().empty();
    if (auto read = read_file_name(*parser.printed_file, invocation.overrides, help); !read) return read;
    if (auto read = read_settings(*parser.printed_settings, invocation.overrides); !read) return read;
    const bool is_given = !invocation.overrides.config_file.empty() || !invocation.overrides.settings.empty();
    if (is_given && !invocation.shows_effective)
        return usage_error("print-config prints the defaults: --config and --set need --effective", help);
    return {};
}

std::expected<Invocation, UsageError> read_print_config(const Parser& parser) {
    Invocation invocation{.command = Command::print_config, .overrides = {}, .file = {}, .text = {}};
    if (auto read = read_effective(parser, invocation); !read) return std::unexpected(std::move(read).error());
    const auto& formats = parser.format->results();
    if (formats.empty()) return invocation;
    const auto format = print_format_of(formats.back());
    if (formats.size() > 1 || !format) {
        return usage_error(
            "--format is " + shown_argument(formats.back()) + "; allowed is one of toml, markdown and json",
            "sluice print-config --help");
    }
    invocation.format = *format;
    return invocation;
}

// `--listen: 1 required ADDR:PORT missing`, in our words.
std::string mismatch_of(const CLI::ArgumentMismatch& error) {
    const std::string_view text = error.what();
    const std::size_t colon = text.find(':');
    return colon == std::string_view::npos ? std::string(text)
                                           : std::string(text.substr(0, colon)) + " takes one value";
}

std::string without_final_line_feeds(std::string text) {
    while (text.ends_with('\n')) text.pop_back();
    return text;
}

Invocation shown_text(std::string text) {
    return {.command = Command::show, .overrides = {}, .file = {}, .text = std::move(text)};
}

std::expected<Invocation, UsageError> read_invocation(const Parser& parser) {
    if (parser.serve->parsed()) return read_serve(parser);
    if (parser.check_config->parsed()) return read_check_config(parser);
    if (parser.doctor->parsed()) return read_doctor(parser);
    if (parser.print_config->parsed()) return read_print_config(parser);
    if (parser.print_metrics->parsed())
        return Invocation{.command = Command::print_metrics, .overrides = {}, .file = {}, .text = {}};
    if (parser.version->parsed()) return shown_text(version_line);
    if (parser.journal->parsed()) return read_journal(parser);
    if (parser.token->parsed()) return read_token(parser);
    if (parser.dead->parsed()) return read_dead(parser);
    return std::unexpected(UsageError{"no command was given\n\n" + without_final_line_feeds(parser.app.help())});
}

}  // namespace

std::expected<Invocation, UsageError> parse_command_line(int argc, const char* const* argv) {
    Parser parser;
    const auto help_command = [&] {
        const auto commands = parser.app.get_subcommands();
        return commands.empty() ? "sluice --help" : "sluice " + commands.front()->get_name() + " --help";
    };
    try {
        parser.app.parse(argc, argv);
        return read_invocation(parser);
    } catch (const CLI::CallForHelp&) {
        return shown_text(without_final_line_feeds(parser.app.help()) + "\n");
    } catch (const CLI::CallForVersion&) {
        return shown_text(version_line);
    } catch (const CLI::ExtrasError&) {
        const auto extras = parser.app.remaining(true);
        const std::string first = extras.empty() ? "an argument" : shown_argument(extras.front());
        return usage_error(first + " is not known here", help_command());
    } catch (const CLI::ArgumentMismatch& error) {
        return usage_error(mismatch_of(error), help_command());
    } catch (const CLI::ParseError& error) {
        return usage_error(error.what(), help_command());
    }
}

std::expected<std::string, ConfigError> output_of(const Invocation& invocation) {
    if (invocation.command != Command::print_config) return invocation.text;
    if (!invocation.shows_effective) return print_config(invocation.format);
    const auto inspection = inspect_config(invocation.overrides, Environment::of_process());
    if (!inspection) return std::unexpected(inspection.error());
    return print_effective(invocation.format, *inspection);
}

}  // namespace sluice::config
