// The command line: what each invocation means, and the sentence for each that means nothing.
// runs: release asan
#include "engine/config/command_line.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::config {
namespace {

std::expected<Invocation, UsageError> parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "sluice");
    return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

// `option key=value` of each setting, one a line.
std::string settings_of(const Invocation& invocation) {
    std::string text;
    for (const Override& setting : invocation.overrides.settings) {
        text += setting.option + " " + setting.key + "=" + setting.value + "\n";
    }
    return text;
}

TEST(CommandLine, ServeNeedsNothing) {
    const auto invocation = parse({"serve"});
    ASSERT_TRUE(invocation) << invocation.error().text;
    EXPECT_EQ(invocation->command, Command::serve);
    EXPECT_EQ(invocation->overrides.config_file, "");
    EXPECT_EQ(settings_of(*invocation), "");
}

TEST(CommandLine, ServeTakesEveryOption) {
    const auto invocation =
        parse({"serve", "--config", "a.toml", "--listen", "[::1]:80", "--admin=127.0.0.1:81", "--cores", "0,2-3",
               "--sink", "redis://u:p@h", "--ack", "queued", "--log-level", "debug", "--set", "batch.size=64KiB",
               "--set=sink.redis.stream=a=b", "--set", "sink.redis.password="});
    ASSERT_TRUE(invocation) << invocation.error().text;
    EXPECT_EQ(invocation->overrides.config_file, "a.toml");
    EXPECT_EQ(settings_of(*invocation),
              "--listen listen=[::1]:80\n"
              "--admin admin.listen=127.0.0.1:81\n"
              "--cores cores=0,2-3\n"
              "--sink sink.url=redis://u:p@h\n"
              "--ack ack=queued\n"
              "--log-level log.level=debug\n"
              "--set batch.size=64KiB\n"
              "--set sink.redis.stream=a=b\n"
              "--set sink.redis.password=\n");
}

TEST(CommandLine, OtherCommands) {
    EXPECT_EQ(parse({"check-config", "a.toml"})->overrides.config_file, "a.toml");
    EXPECT_EQ(parse({"check-config"})->overrides.config_file, "");
    EXPECT_EQ(parse({"check-config", "a.toml"})->command, Command::check_config);
    EXPECT_FALSE(parse({"check-config", "a.toml"})->asks_redis);
    EXPECT_TRUE(parse({"check-config", "--connect", "a.toml"})->asks_redis);
    EXPECT_EQ(settings_of(*parse({"check-config", "a.toml", "--set", "ack=queued"})), "--set ack=queued\n");
    EXPECT_EQ(parse({"version"})->text, "sluice " SLUICE_VERSION "\n");
    EXPECT_EQ(parse({"print-config"})->command, Command::print_config);
    EXPECT_EQ(parse({"doctor", "--config", "a.toml"})->overrides.config_file, "a.toml");
    EXPECT_EQ(parse({"doctor"})->command, Command::doctor);
    EXPECT_FALSE(parse({"doctor"})->prints_json);
    EXPECT_TRUE(parse({"doctor", "--json", "--set", "ack=queued"})->prints_json);
    EXPECT_EQ(parse({"print-metrics"})->command, Command::print_metrics);
    EXPECT_EQ(parse({"print-config"})->format, PrintFormat::toml);
    EXPECT_EQ(parse({"print-config", "--format", "json"})->format, PrintFormat::json);
    EXPECT_EQ(parse({"print-config", "--format=markdown"})->format, PrintFormat::markdown);
    EXPECT_EQ(parse({"journal", "cat", "d"})->command, Command::journal);
    EXPECT_EQ(parse({"journal", "cat", "d"})->journal_action, JournalAction::cat);
    EXPECT_EQ(parse({"journal", "verify", "d"})->file, "d");
    const auto replay =
        parse({"journal", "replay", "d", "--to", "redis://h", "--config", "c", "--set", "batch.size=64KiB"});
    ASSERT_TRUE(replay) << replay.error().text;
    EXPECT_EQ(replay->journal_action, JournalAction::replay);
    EXPECT_EQ(replay->overrides.config_file, "c");
    EXPECT_EQ(settings_of(*replay), "--to sink.url=redis://h\n--set batch.size=64KiB\n");
    using Kind = ReplayRange::Kind;
    const auto range = [](const char* option, const char* value) {
        return parse({"journal", "replay", "d", "--to", "redis://h", option, value})->replay_range;
    };
    EXPECT_EQ(replay->replay_range.kind, Kind::rest);
    EXPECT_EQ(parse({"journal", "replay", "d", "--to", "redis://h", "--all"})->replay_range.kind, Kind::all);
    EXPECT_EQ(range("--since", "2h").since, "2h");
    EXPECT_EQ(range("--from", "3:64").segment, 3u);
    EXPECT_EQ(range("--from", "3:64").offset, 64u);
    EXPECT_EQ(range("--from", "3").offset, 0u);
    EXPECT_EQ(parse({"--version"})->text, "sluice " SLUICE_VERSION "\n");
}

TEST(CommandLine, HelpTeaches) {
    const std::string main_help = parse({"--help"})->text;
    for (const char* const part :
         {"serve", "check-config", "print-config", "command line beats the environment", "  3  io_uring"}) {
        EXPECT_NE(main_help.find(part), std::string::npos) << part;
    }
    for (const char* const command : {"serve", "check-config", "print-config", "journal"}) {
        const auto help = parse({command, "--help"});
        ASSERT_TRUE(help);
        EXPECT_EQ(help->command, Command::show);
        EXPECT_NE(help->text.find(std::string("Usage: sluice ") + command), std::string::npos) << help->text;
        EXPECT_NE(help->text.find(std::string("  sluice ") + command), std::string::npos) << "no example";
        EXPECT_TRUE(help->text.ends_with('\n') && !help->text.ends_with("\n\n"));
    }
}

TEST(CommandLine, NoCommandIsAnErrorThatShowsTheHelp) {
    const auto invocation = parse({});
    ASSERT_FALSE(invocation);
    EXPECT_EQ(invocation.error().text + "\n", "no command was given\n\n" + parse({"--help"})->text);
}

TEST(CommandLine, EveryMistakeIsOneSentence) {
    const std::pair<std::vector<const char*>, std::string_view> rows[] = {
        {{"frobnicate"}, R"("frobnicate" is not known here; see sluice --help)"},
        {{"--listen", "x", "serve"}, R"("--listen" is not known here; see sluice serve --help)"},
        {{"serve", "print-config"}, R"("print-config" is not known here; see sluice serve --help)"},
        {{"serve", "--snk", "redis://u:s3cret@h"}, R"("--snk" is not known here; see sluice serve --help)"},
        {{"serve", "--snk=redis://u:s3cret@h"}, R"("--snk" is not known here; see sluice serve --help)"},
        {{"serve", "redis://u:s3cret@h"}, R"("redis://***@h" is not known here; see sluice serve --help)"},
        {{"serve", "--listen"}, "--listen takes one value; see sluice serve --help"},
        {{"serve", "--set"}, "--set takes one value; see sluice serve --help"},
        {{"serve", "--set", "batch.size"},
         R"(--set takes KEY=VALUE, such as batch.size=128KiB, and found no = after "batch.size"; see sluice serve --help)"},
        {{"serve", "--set", "sink.redis.password s3cret"},
         R"(--set takes KEY=VALUE, such as batch.size=128KiB, and found no = after "sink.redis.password"; see sluice serve --help)"},
        {{"serve", "--config", "a", "--config", "b"}, "--config takes one value; see sluice serve --help"},
        {{"serve", "--config", ""}, "--config names no file; see sluice serve --help"},
        {{"serve", "--set", "=x"},
         "--set takes KEY=VALUE, such as batch.size=128KiB, and found no key before the =; see sluice serve --help"},
        {{"check-config", ""}, "check-config takes one file, such as sluice.toml; see sluice check-config --help"},
        {{"check-config", "a", "b"}, R"("b" is not known here; see sluice check-config --help)"},
        {{"print-config", "--format", "yaml"},
         R"(--format is "yaml"; allowed is one of toml, markdown and json; see sluice print-config --help)"},
        {{"journal"}, "journal takes one of ls, cat, verify, export and replay; see sluice journal --help"},
        {{"journal", "ls"}, "ls takes one directory, such as /var/lib/sluice; see sluice journal --help"},
        {{"journal", "burn", "d"}, R"("burn" is not known here; see sluice journal --help)"},
        {{"journal", "replay", "d"},
         "replay needs --to, such as --to redis://127.0.0.1:6379; see sluice journal replay --help"},
        {{"journal", "replay", "d", "--to", "redis://h", "--all", "--since", "2h"},
         "--all, --from and --since exclude each other; see sluice journal replay --help"},
        {{"journal", "replay", "d", "--to", "redis://h", "--from", "3:65"},
         "--from is \"3:65\", where no record begins: offsets are multiples of 8; "
         "see sluice journal replay --help"},
        {{"print-config", "--set", "ack=queued"},
         "print-config prints the defaults: --config and --set need --effective; see sluice print-config --help"},
        {{"print-config", "--format"}, "--format takes one value; see sluice print-config --help"},
    };
    for (const auto& [arguments, sentence] : rows) {
        const auto invocation = parse(arguments);
        ASSERT_FALSE(invocation) << sentence;
        EXPECT_EQ(invocation.error().text, sentence);
    }
}

TEST(CommandLine, ARepeatedOptionIsRefusedByTheLoader) {
    const auto invocation = parse({"serve", "--ack", "queued", "--ack", "stored"});
    ASSERT_TRUE(invocation) << invocation.error().text;
    const auto config = load_config(invocation->overrides, {.variables = {}, .allowed_cores = {0}});
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().sentence, "command line --ack: ack is set twice");
}

TEST(CommandLine, Answers) {
    EXPECT_EQ(output_of(*parse({"print-config"})).value(), print_config(PrintFormat::toml));
    EXPECT_EQ(output_of(*parse({"--version"})).value(), "sluice " SLUICE_VERSION "\n");
    EXPECT_EQ(output_of(*parse({"version"})).value(), "sluice " SLUICE_VERSION "\n");
    const std::string effective =
        output_of(*parse({"print-config", "--effective", "--set", "ack=queued", "--config", "/dev/null"})).value();
    EXPECT_TRUE(effective.contains("ack = \"queued\"  # command line --set\n")) << effective;
    EXPECT_TRUE(effective.contains("\n[log]\nlevel = \"info\"  # default\n")) << effective;
    EXPECT_EQ(output_of(*parse({"print-config", "--effective", "--config", "/nonexistent"})).error().sentence,
              "/nonexistent: cannot be read: No such file or directory");
}

}  // namespace
}  // namespace sluice::config
