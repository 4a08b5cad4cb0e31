// Configuration: the declared keys, and where values come from.
// runs: release asan
#include <gtest/gtest.h>

#include <set>

#include "engine/core/limits.hpp"
#include "tests/support/config_texts.hpp"

namespace sluice::config {
namespace {

// --- the declaration ----------------------------------------------------------------------------

TEST(Keys, AreDeclaredConsistently) {
    std::set<std::string> variables;
    Config config = default_config();
    for (const Property& property : properties()) {
        EXPECT_EQ(find_property(property.key), &property) << "declared twice: " << property.key;
        EXPECT_TRUE(variables.insert(environment_name(property.key)).second) << property.key;
        EXPECT_FALSE(is_group(property.key)) << property.key;
        EXPECT_TRUE(assign(property, config, property.default_text)) << property.key;
        EXPECT_EQ(text_of(property, config), property.default_text);
        EXPECT_FALSE(property.help.empty() || property.help.ends_with('.')) << property.key;
        EXPECT_FALSE(property.help.contains('|') || property.help.contains('\n')) << "breaks a Markdown row";
    }
}

void set_to_max(const Number& number, Config& config) { number.field.of(config) = number.max; }

// Two keys that set the same member would pass every other test.
TEST(Keys, EachSetsAMemberOfItsOwn) {
    for (const Property& changed : properties()) {
        const auto* const number = std::get_if<Number>(&changed.kind);
        if (number == nullptr) continue;
        Config config = default_config();
        auto expected = texts_of(config);
        set_to_max(*number, config);
        expected[std::string(changed.key)] = text_of(changed, config);
        EXPECT_EQ(texts_of(config), expected) << changed.key;
    }
}

TEST(Keys, EveryNumberHoldsItsBounds) {
    for (const Property& property : properties()) {
        const auto* const number = std::get_if<Number>(&property.kind);
        if (number == nullptr) continue;
        Config config = default_config();
        const auto accepts = [&](std::uint64_t value) {
            number->field.of(config) = value;
            return assign(property, config, text_of(property, config)).has_value();
        };
        EXPECT_TRUE(accepts(number->min)) << property.key;
        EXPECT_TRUE(accepts(number->max)) << property.key;
        EXPECT_FALSE(accepts(number->max + 1)) << property.key;
        EXPECT_FALSE(number->min > 0 && accepts(number->min - 1)) << property.key;
        EXPECT_FALSE(number->is_power_of_two && accepts(number->min * 3)) << property.key;
    }
}

TEST(Keys, EveryTextHoldsItsBounds) {
    for (const Property& property : properties()) {
        const auto* const kind = std::get_if<Text>(&property.kind);
        if (kind == nullptr) continue;
        Config config;
        EXPECT_TRUE(assign(property, config, std::string(kind->bytes_min, 'x')));
        EXPECT_TRUE(assign(property, config, std::string(kind->bytes_max, 'x')));
        EXPECT_FALSE(assign(property, config, std::string(kind->bytes_max + 1, 'x')));
        EXPECT_EQ(assign(property, config, "").has_value(), kind->bytes_min == 0) << property.key;
        for (const char control : {'\0', '\n', '\x1F', '\x7F'}) {
            EXPECT_FALSE(assign(property, config, "a" + std::string(1, control))) << property.key;
        }
        EXPECT_TRUE(assign(property, config, "caf\xC3\xA9")) << property.key;
    }
}

// What is sized, bound or named at start cannot change in a running engine.
TEST(Keys, WhatIsMadeAtStartNeedsARestart) {
    for (const Property& property : properties())
        for (const std::string_view group : {"listen", "admin.listen", "cores", "io.", "batch.", "journal.", "sink.url",
                                             "sink.redis.stream", "sink.redis.partitions", "http.connections_max"})
            EXPECT_TRUE(!property.key.starts_with(group) || property.reload == Reload::restart) << property.key;
    for (const std::string_view key : {"ack", "log.level", "retry_after", "admission.interval", "http.idle_timeout"})
        EXPECT_EQ(find_property(key)->reload, Reload::live) << key;
}

TEST(Keys, FieldsHaveTheUnitsTheirNamesSay) {
    const Config config = default_config();
    EXPECT_EQ(config.listen, (std::vector<ListenAddress>{{.address = "127.0.0.1", .port = 8080}}));
    EXPECT_EQ(config.ack, AckLevel::stored);
    EXPECT_EQ(config.ack_timeout_ns, 5'000'000'000u);
    EXPECT_EQ(config.retry_after_s, 1u);
    EXPECT_EQ(config.http.body_bytes_max, 8u << 20);
    EXPECT_EQ(config.io.busy_wait_ns, 50'000u);
    EXPECT_EQ(config.batch.arena_bytes, 64 * limits::kib);
    EXPECT_EQ(config.sink.redis.backoff_min_ns, 50'000'000u);
    EXPECT_EQ(config.sink.url.port, 6379);
}

TEST(Keys, NearestKeyIsWhatWasMeant) {
    const std::pair<std::string_view, std::string_view> rows[] = {
        {"lisen", "listen"},
        {"batch.siz", "batch.size"},
        {"htpp.body_max", "http.body_max"},
        {"layout", "sink.redis.layout"},
        {"redis.stream", "sink.redis.stream"},
        {"sink.uri", "sink.url"},
        {"log.levle", "log.level"},
        {"ack-timeout", "ack_timeout"},
        {"SINK.URL", "sink.url"},
    };
    for (const auto& [unknown, meant] : rows) EXPECT_EQ(nearest_key(unknown), meant) << unknown;
    for (const std::string_view unknown : {"", "version", "no.such.thing", "x", "home"})
        EXPECT_EQ(nearest_key(unknown), "") << unknown;
    EXPECT_EQ(nearest_key(std::string(100'000, 'x')), "");
}

// --- sources ------------------------------------------------------------------------------------

TEST(Load, DefaultsNeedNothing) {
    const auto config = load_config({}, environment_of({"PATH=/bin", "SLUICE_SEED=7", "SLUICEX=1", "odd"}));
    ASSERT_TRUE(config) << config.error().sentence;
    EXPECT_EQ(config->cores, (std::vector<unsigned>{0, 1, 4}));
    auto expected = texts_of(default_config());
    expected["cores"] = "0-1,4";
    EXPECT_EQ(texts_of(*config), expected);
}

TEST(Load, CommandLineBeatsEnvironmentBeatsFile) {
    const std::string_view file = "ack_timeout = '1s'\n";
    EXPECT_EQ(load_text(file)->ack_timeout_ns, 1'000'000'000u);
    EXPECT_EQ(load_text(file, {"SLUICE_ACK_TIMEOUT=2s"})->ack_timeout_ns, 2'000'000'000u);
    EXPECT_EQ(load_text(file, {"SLUICE_ACK_TIMEOUT=2s"}, {set("ack_timeout", "3s")})->ack_timeout_ns, 3'000'000'000u);
}

TEST(Load, EveryKeyCanBeSetByEverySource) {
    for (const Property& property : properties()) {
        const std::string text(property.default_text);
        EXPECT_TRUE(
            load_config({.config_file = {}, .settings = {set(std::string(property.key), text)}}, environment_of()))
            << property.key;
        EXPECT_TRUE(load_config({}, environment_of({environment_name(property.key) + "=" + text}))) << property.key;
    }
}

// Where the journal is the sink, `stored`, which is the default, can only mean the journal.
TEST(Load, AJournalSinkPromisesJournaled) {
    EXPECT_EQ(load_text("sink.url = 'journal:d'")->ack, AckLevel::journaled);
    EXPECT_EQ(load_text("journal.directory = 'd'")->ack, AckLevel::journaled);
    EXPECT_EQ(load_text("sink.url = 'journal:d'\nack = 'queued'")->ack, AckLevel::queued);
}

TEST(Load, EnvironmentNamesTheFile) {
    const TemporaryFile file("ack = 'queued'");
    const auto config = load_config({}, environment_of({"SLUICE_CONFIG=" + file.path()}));
    ASSERT_TRUE(config) << config.error().sentence;
    EXPECT_EQ(config->ack, AckLevel::queued);
    const TemporaryFile stronger("ack = 'stored'");
    const auto other =
        load_config({.config_file = stronger.path(), .settings = {}}, environment_of({"SLUICE_CONFIG=/nonexistent"}));
    ASSERT_TRUE(other) << other.error().sentence;
    EXPECT_EQ(other->ack, AckLevel::stored);
}

TEST(Load, ReadsEveryWayToWriteAGroup) {
    for (const std::string_view toml : {"[sink.redis]\nmaxlen = 9", "sink.redis.maxlen = 9", "[sink]\nredis.maxlen = 9",
                                        "sink = { redis = { maxlen = 9 } }"}) {
        const auto config = load_text(toml);
        ASSERT_TRUE(config) << config.error().sentence;
        EXPECT_EQ(config->sink.redis.maxlen_count, 9u);
    }
}

TEST(Load, AListIsAnArrayOrSeparatedByCommas) {
    const std::vector<ListenAddress> three{
        {.address = "0.0.0.0", .port = 80}, {.address = "::", .port = 80}, {.path = "/run/sluice data.sock"}};
    const std::string text = "0.0.0.0:80,[::]:80,unix:/run/sluice data.sock";
    EXPECT_EQ(load_text("listen = ['0.0.0.0:80', '[::]:80', 'unix:/run/sluice data.sock']")->listen, three);
    EXPECT_EQ(load_text("listen = '" + text + "'")->listen, three);
    EXPECT_EQ(load_text("", {"SLUICE_LISTEN=" + text})->listen, three);
    const auto config = load_text("listen = ['127.0.0.1:1']", {}, {{"--listen", "listen", text}});
    EXPECT_EQ(config->listen, three);
    EXPECT_EQ(texts_of(*config)["listen"], text);
    EXPECT_EQ(load_text("listen = ['127.0.0.1:1']")->listen, load_text("listen = '127.0.0.1:1'")->listen);
}

TEST(Load, HabitsWhoseMeaningIsClearAreUnderstood) {
    const auto config =
        load_text("ack = 'Queued'\nlog.level = 'INFO'\nlog.format = 'JSON'\nack_timeout = '7 sec'",
                  {"SLUICE_SINK_REDIS_EXACTLY_ONCE=off", "SLUICE_LISTEN=localhost:1, :2", "SLUICE_CORES=0, 1"});
    ASSERT_TRUE(config) << config.error().sentence;
    EXPECT_EQ(config->ack, AckLevel::queued);
    EXPECT_EQ(config->log.level, LogLevel::info);
    EXPECT_EQ(config->log.format, LogFormat::json);
    EXPECT_EQ(config->ack_timeout_ns, 7'000'000'000u);
    EXPECT_EQ(config->cores, (std::vector<unsigned>{0, 1}));
    const std::vector<ListenAddress> both{{.address = "127.0.0.1", .port = 1, .address_v6 = "::1"},
                                          {.address = "0.0.0.0", .port = 2, .address_v6 = "::"}};
    EXPECT_EQ(config->listen, both);
    EXPECT_EQ(texts_of(*config)["listen"], "localhost:1,:2");
    EXPECT_EQ(load_text("log.level = 'Warning'")->log.level, LogLevel::warn);
}

TEST(Load, CoresMayBeAnArray) {
    using List = std::vector<unsigned>;
    EXPECT_EQ(load_text("cores = [0, 4]")->cores, (List{0, 4}));
    EXPECT_EQ(load_text("cores = ['0-1', 4]")->cores, (List{0, 1, 4}));
    for (const std::string_view toml :
         {"cores = []", "cores = [0, 0]", "cores = [true]", "cores = [[0]]", "cores = [-1]"})
        EXPECT_FALSE(load_text(toml)) << toml;
}

TEST(Load, KeysBeatTheCredentialsOfTheUrl) {
    const Override url = set("sink.url", "redis://u:p@h");
    const auto both = load_config(
        {.config_file = {}, .settings = {url, set("sink.redis.user", "v"), set("sink.redis.password", "q")}},
        environment_of());
    EXPECT_EQ(both->sink.url.user + both->sink.url.password, "vq");
    const auto neither = load_config({.config_file = {}, .settings = {url}}, environment_of());
    EXPECT_EQ(neither->sink.url.user + neither->sink.url.password, "up");
}

TEST(Load, TheEnvironmentOfTheProcessCounts) {
    ASSERT_EQ(::setenv("SLUICE_NO_SUCH_KEY", "1", 1), 0);
    EXPECT_FALSE(load_config({}));
    ::unsetenv("SLUICE_NO_SUCH_KEY");
    EXPECT_TRUE(load_config({}));
}

TEST(Load, InspectingTellsEachOrigin) {
    const TemporaryFile file("\nack = 'queued'\nlog.level = 'debug'\n[sink.redis]\npassword = 'p'");
    const auto inspected = inspect_config({.config_file = file.path(), .settings = {set("ack_timeout", "7 sec")}},
                                          environment_of({"SLUICE_LOG_LEVEL=warn"}));
    ASSERT_TRUE(inspected);
    std::map<std::string_view, std::string> told;
    for (const EffectiveSetting& setting : inspected->settings)
        told[setting.property->key] = setting.value + " from " + setting.origin;
    EXPECT_EQ(told.size(), properties().size());
    EXPECT_EQ(told["ack"], "queued from " + file.path() + ":2");
    EXPECT_EQ(told["log.level"], "warn from environment SLUICE_LOG_LEVEL");
    EXPECT_EQ(told["ack_timeout"], "7s from command line --set");
    EXPECT_EQ(told["sink.redis.password"], "*** from " + file.path() + ":5");
    EXPECT_EQ(told["log.format"], "logfmt from default");
    EXPECT_EQ(told["cores"], "0-1,4 from default, written auto");
}

TEST(Load, InspectingWarnsOfCoresThatAreNotHere) {
    const auto inspected = inspect_config({.config_file = {}, .settings = {set("cores", "0-63")}}, environment_of());
    ASSERT_TRUE(inspected);
    ASSERT_EQ(inspected->warnings.size(), 1u);
    EXPECT_TRUE(inspected->warnings[0].contains("core 2 does not exist")) << inspected->warnings[0];
    EXPECT_TRUE(inspect_config({}, environment_of())->warnings.empty());
}

TEST(Load, TheProcessMayUseSomeCores) { EXPECT_FALSE(Environment::of_process().allowed_cores.empty()); }

}  // namespace
}  // namespace sluice::config
