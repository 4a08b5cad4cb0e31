// Configuration: the declared keys, where values come from, and the sentence for each thing that can be wrong.
// runs: release asan
#include <gtest/gtest.h>

#include <unistd.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/config/keys.hpp"
#include "engine/config/load.hpp"
#include "engine/config/print.hpp"
#include "engine/core/limits.hpp"

namespace sluice::config {
namespace {

// A file `sluice.toml` in a folder of its own; sentences name it by its full path.
class TemporaryFile {
  public:
    explicit TemporaryFile(std::string_view text) {
        std::string folder = testing::TempDir() + "sluice-config-XXXXXX";
        if (::mkdtemp(folder.data()) == nullptr) std::abort();
        folder_ = folder;
        std::ofstream(path(), std::ios::binary) << text;
    }
    ~TemporaryFile() { std::filesystem::remove_all(folder_); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    [[nodiscard]] std::string path() const { return folder_ / "sluice.toml"; }

  private:
    std::filesystem::path folder_;
};

Surroundings surroundings(std::vector<std::string> environment = {}) {
    return {.environment = std::move(environment), .allowed_cores = {0, 1, 4}};
}

std::expected<Config, ConfigError> load_text(std::string_view toml, std::vector<std::string> environment = {},
                                             std::vector<Override> overrides = {}) {
    const TemporaryFile file(toml);
    return load_config({.config_file = file.path(), .settings = std::move(overrides)},
                       surroundings(std::move(environment)));
}

// The sentence, with the folder of the file cut off; or "loaded".
std::string sentence_of(std::string_view toml, std::vector<std::string> environment = {},
                        std::vector<Override> overrides = {}) {
    const auto config = load_text(toml, std::move(environment), std::move(overrides));
    if (config) return "loaded";
    const std::string& sentence = config.error().sentence;
    const std::size_t file = sentence.find("sluice.toml");
    return file == std::string::npos ? sentence : sentence.substr(file);
}

std::map<std::string, std::string> texts_of(const Config& config) {
    std::map<std::string, std::string> texts;
    for (const Property& property : properties()) texts[std::string(property.key)] = text_of(property, config);
    return texts;
}

Override set(std::string key, std::string value) { return {"--set", std::move(key), std::move(value)}; }

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
        EXPECT_FALSE(number->power_of_two && accepts(number->min * 3)) << property.key;
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

TEST(Keys, FieldsHaveTheUnitsTheirNamesSay) {
    const Config config = default_config();
    EXPECT_EQ(config.listen, (Endpoint{"127.0.0.1", 8080}));
    EXPECT_EQ(config.ack, AckLevel::stored);
    EXPECT_EQ(config.ack_timeout_ns, 5'000'000'000u);
    EXPECT_EQ(config.retry_after_s, 1u);
    EXPECT_EQ(config.http.body_bytes_max, 8u << 20);
    EXPECT_EQ(config.io.busy_wait_ns, 50'000u);
    EXPECT_EQ(config.batch.arena_bytes, limits::batch_arena_bytes_default);
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
    EXPECT_FALSE(nearest_key("").empty());
    EXPECT_FALSE(nearest_key(std::string(100'000, 'x')).empty());
}

// --- sources ------------------------------------------------------------------------------------

TEST(Load, DefaultsNeedNothing) {
    const auto config = load_config({}, surroundings({"PATH=/bin", "SLUICE_SEED=7", "SLUICEX=1", "odd"}));
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
            load_config({.config_file = {}, .settings = {set(std::string(property.key), text)}}, surroundings()))
            << property.key;
        EXPECT_TRUE(load_config({}, surroundings({environment_name(property.key) + "=" + text}))) << property.key;
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
    const auto config = load_config({}, surroundings({"SLUICE_CONFIG=" + file.path()}));
    ASSERT_TRUE(config) << config.error().sentence;
    EXPECT_EQ(config->ack, AckLevel::queued);
    const TemporaryFile stronger("ack = 'stored'");
    const auto other =
        load_config({.config_file = stronger.path(), .settings = {}}, surroundings({"SLUICE_CONFIG=/nonexistent"}));
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

TEST(Load, KeysBeatTheCredentialsOfTheUrl) {
    const Override url = set("sink.url", "redis://u:p@h");
    const auto both = load_config(
        {.config_file = {}, .settings = {url, set("sink.redis.user", "v"), set("sink.redis.password", "q")}},
        surroundings());
    EXPECT_EQ(both->sink.url.user + both->sink.url.password, "vq");
    const auto neither = load_config({.config_file = {}, .settings = {url}}, surroundings());
    EXPECT_EQ(neither->sink.url.user + neither->sink.url.password, "up");
}

TEST(Load, CheckingAFileIgnoresTheEnvironment) {
    ASSERT_EQ(::setenv("SLUICE_NO_SUCH_KEY", "1", 1), 0);
    const TemporaryFile file("ack = 'queued'");
    EXPECT_TRUE(check_config_file(file.path()));
    EXPECT_FALSE(load_config({}));
    ::unsetenv("SLUICE_NO_SUCH_KEY");
    EXPECT_TRUE(load_config({}));
}

TEST(Load, TheProcessMayUseSomeCores) { EXPECT_FALSE(Surroundings::of_process().allowed_cores.empty()); }

// --- sentences ----------------------------------------------------------------------------------

struct SentenceRow {
    std::string_view toml, sentence;
};

TEST(Sentences, OfValuesInAFile) {
    const SentenceRow rows[] = {
        {"\n\nbatch.size = '10 bananas'",
         R"(sluice.toml:3: batch.size is "10 bananas", which has an unknown unit; allowed is a size from 32KiB to 1MiB such as 64KiB)"},
        {"batch.size = '2MiB'",
         R"(sluice.toml:1: batch.size is "2MiB"; allowed is a size from 32KiB to 1MiB such as 64KiB)"},
        {"batch.size = 1000", "sluice.toml:1: batch.size is 1000; allowed is a size from 32KiB to 1MiB such as 64KiB"},
        {"batch.size = '64KB'",
         R"(sluice.toml:1: batch.size is "64KB", whose unit can mean 1000 or 1024 (write KiB, MiB or GiB); allowed is a size from 32KiB to 1MiB such as 64KiB)"},
        {"ack_timeout = 5",
         "sluice.toml:1: ack_timeout is 5, which has no unit; allowed is a duration from 10ms to 10m such as 5s"},
        {"ack_timeout = '1.5s'",
         R"(sluice.toml:1: ack_timeout is "1.5s", which is not a whole number (use a smaller unit); allowed is a duration from 10ms to 10m such as 5s)"},
        {"ack_timeout = true",
         "sluice.toml:1: ack_timeout is a boolean; allowed is a duration from 10ms to 10m such as 5s"},
        {"ack_timeout = 1.5",
         "sluice.toml:1: ack_timeout is a decimal number; allowed is a duration from 10ms to 10m such as 5s"},
        {"retry_after = '1500ms'",
         R"(sluice.toml:1: retry_after is "1500ms", which is not a whole number of seconds; allowed is a duration in whole seconds from 1s to 1h such as 1s)"},
        {"batch.count = '16'",
         R"(sluice.toml:1: batch.count is the string "16"; allowed is an integer from 2 to 4096 such as 256)"},
        {"batch.count = -1", "sluice.toml:1: batch.count is -1; allowed is an integer from 2 to 4096 such as 256"},
        {"[io]\nring_entries = 1000",
         "sluice.toml:2: io.ring_entries is 1000, which is not a power of two; allowed is a power of two from 8 to "
         "32768 such as 1024"},
        {"ack = 'replicated'",
         R"(sluice.toml:1: ack is replicated, but must not be that without sink.redis.replicas, which is 0)"},
        {"ack = 'replicated'\nsink.redis.replicas = 1\nsink.url = 'null:'",
         R"(sluice.toml:1: ack is replicated, but must not be that beside sink.url, which is null:)"},
        {"ack = 'replicated'\nsink.redis.replicas = 1\njournal.directory = 'd'",
         R"(sluice.toml:1: ack is replicated, but must not be that beside journal.directory, which is d)"},
        {"sink.redis.replicas = 1\nsink.url = 'redis-cluster://h:1'",
         R"(sluice.toml:1: sink.redis.replicas is 1, but must be 0 with a cluster in sink.url, which is redis-cluster://h:1)"},
        {"sink.redis.replicas = 1\nsink.redis.replicas_timeout = '5s'",
         R"(sluice.toml:2: sink.redis.replicas_timeout is 5s, but must be less than ack_timeout, which is 5s)"},
        {"sink.redis.replicas = 1\nsink.redis.replicas_timeout = '4s'\nsink.redis.reply_timeout = '3s'",
         R"(sluice.toml:2: sink.redis.replicas_timeout is 4s, but must be less than sink.redis.reply_timeout, which is 3s)"},
        {"ack = 'Stored'", R"(sluice.toml:1: ack is "Stored"; allowed is queued, journaled, stored or replicated)"},
        {"log.level = 'trace'", R"(sluice.toml:1: log.level is "trace"; allowed is debug, info, warn or error)"},
        {"listen = ':8080'",
         R"(sluice.toml:1: listen is ":8080", which has no address (for all interfaces write 0.0.0.0 or [::]); allowed is a numeric address and a port such as 127.0.0.1:8080 or [::1]:8080)"},
        {"listen = 7",
         "sluice.toml:1: listen is the integer 7; allowed is a numeric address and a port such as 127.0.0.1:8080 or "
         "[::1]:8080"},
        {"listen = ['127.0.0.1:1']",
         "sluice.toml:1: listen is an array; allowed is a numeric address and a port such as 127.0.0.1:8080 or "
         "[::1]:8080"},
        {"cores = 2", "sluice.toml:1: cores is the integer 2; allowed is auto or a list of core numbers such as 0,2-3"},
        {"cores = '0,0'",
         R"(sluice.toml:1: cores is "0,0", which lists a core twice; allowed is auto or a list of core numbers such as 0,2-3)"},
        {"cores = '1-2'",
         R"(sluice.toml:1: cores is "1-2", but core 2 does not exist or is closed to this process; allowed is auto or any of 0-1,4)"},
        {"sink.url = 'rediss://h'",
         R"(sluice.toml:1: sink.url is "rediss://h", whose scheme does not exist yet in 0.1; allowed is redis://[user[:password]@]host[:port][/db], redis-cluster://host:port,..., redis-sentinel://host:port,.../name[/db], redis+unix:///path[?db=N], journal:directory or null:)"},
        {"sink.redis.stream = ''",
         R"(sluice.toml:1: sink.redis.stream is ""; allowed is a string of 1 to 121 bytes without control characters)"},
        {"sink.redis.stream = \"a\\r\\nb\"",
         R"(sluice.toml:1: sink.redis.stream is "a\x0D\x0Ab", which holds a control character; allowed is a string of 1 to 121 bytes without control characters)"},
    };
    for (const SentenceRow& row : rows) EXPECT_EQ(sentence_of(row.toml), row.sentence);
}

TEST(Sentences, OfKeysInAFile) {
    const SentenceRow rows[] = {
        {"ack = 'queued'\nlisen = '127.0.0.1:1'", "sluice.toml:2: lisen is not a setting; the nearest is listen"},
        {"[sinks]\nurl = 'null:'",
         "sluice.toml:1: sinks is not a group of settings; groups are admin, log, http, io, batch, journal, admission, "
         "idempotency, sink, "
         "sink.redis"},
        {"[sink]\nurll = 'null:'", "sluice.toml:2: sink.urll is not a setting; the nearest is sink.url"},
        {"[batch]\n[batch.deep]",
         "sluice.toml:2: batch.deep is not a group of settings; groups are admin, log, http, io, batch, journal, "
         "admission, idempotency, sink, "
         "sink.redis"},
        {"http = 5", "sluice.toml:1: http is an integer, but must be a table of settings"},
        {"[[http]]\nbody_max = '1MiB'", "sluice.toml:1: http is an array, but must be a table of settings"},
        {"[ack]", "sluice.toml:1: ack is a table; allowed is queued, journaled, stored or replicated"},
        {"http.body_max = '1MiB'\n'http.body_max' = '2MiB'", "sluice.toml:2: http.body_max is set twice"},
        {"\"li\\nst\\u001Ben\" = 1", "sluice.toml:1: li\\x0Ast\\x1Ben is not a setting; the nearest is listen"},
        {"batch.count = 2\nbatch.sise = 1\nack = 'x'",
         "sluice.toml:2: batch.sise is not a setting; the nearest is batch.size"},
    };
    for (const SentenceRow& row : rows) EXPECT_EQ(sentence_of(row.toml), row.sentence);
}

TEST(Sentences, OfFilesThatAreNotToml) {
    const SentenceRow rows[] = {
        {"ack = 'queued'\nack = 'stored'\n", "sluice.toml:2: is not TOML: "},
        {"\n\nack = \n", "sluice.toml:3: is not TOML: "},
        {"ack = 'queued", "sluice.toml:1: is not TOML: "},
        {"{}", "sluice.toml:1: is not TOML: "},
        {"\xFF\xFE", "sluice.toml:1: is not TOML: "},
    };
    for (const SentenceRow& row : rows) {
        const std::string sentence = sentence_of(row.toml);
        EXPECT_TRUE(sentence.starts_with(row.sentence)) << sentence;
        EXPECT_EQ(sentence.find('\n'), std::string::npos) << sentence;
    }
    EXPECT_EQ(sentence_of(std::string(limits::config_file_bytes_max + 1, '\n')), "sluice.toml: is larger than 1MiB");
    EXPECT_EQ(sentence_of(std::string(limits::config_file_bytes_max, '\n')), "loaded");
}

TEST(Sentences, OfFilesThatCannotBeRead) {
    EXPECT_EQ(check_config_file("/nonexistent/a.toml").error().sentence,
              "/nonexistent/a.toml: cannot be read: No such file or directory");
    EXPECT_EQ(check_config_file("/").error().sentence, "/: cannot be read: Is a directory");
}

TEST(Sentences, OfEnvironmentAndCommandLine) {
    EXPECT_EQ(
        sentence_of("", {"SLUICE_BATCH_SIZE=1"}),
        R"(environment SLUICE_BATCH_SIZE: batch.size is "1"; allowed is a size from 32KiB to 1MiB such as 64KiB)");
    EXPECT_EQ(sentence_of("", {"SLUICE_BATCH_SIZ=1"}),
              "environment SLUICE_BATCH_SIZ: not a setting; the nearest is SLUICE_BATCH_SIZE");
    EXPECT_EQ(
        sentence_of("", {"SLUICE_LISTEN"}),
        "environment SLUICE_LISTEN: listen is \"\", which has no port; allowed is a numeric address and a port such as "
        "127.0.0.1:8080 or [::1]:8080");
    EXPECT_EQ(sentence_of("", {}, {{"--ack", "ack", "maybe"}}),
              R"(command line --ack: ack is "maybe"; allowed is queued, journaled, stored or replicated)");
    EXPECT_EQ(
        sentence_of("", {}, {set("no.such.key", "1")}),
        "command line --set: no.such.key is not a setting; the nearest is " + std::string(nearest_key("no.such.key")));
    EXPECT_EQ(sentence_of("", {}, {{"--ack", "ack", "queued"}, set("ack", "stored")}),
              "command line --set: ack is set twice");
    // A weaker source must be right as well.
    EXPECT_TRUE(sentence_of("ack = 'x'", {}, {set("ack", "stored")}).starts_with("sluice.toml:1: ack"));
    // Whether cores exist depends on the machine: asked of the effective value only.
    EXPECT_EQ(sentence_of("cores = '0-3'", {}, {set("cores", "0")}), "loaded");
}

TEST(Sentences, OfKeysThatDoNotFitTogether) {
    const SentenceRow rows[] = {
        {"http.body_max = '16MiB'\n\nhttp.body_memory = '4MiB'",
         "sluice.toml:3: http.body_memory is 4MiB, but must be at least http.body_max, which is 16MiB"},
        {"\nhttp.body_memory = '4MiB'",
         "sluice.toml:2: http.body_memory is 4MiB, but must be at least http.body_max, which is 8MiB"},
        {"batch.count = 4", "sluice.toml:1: batch.pipeline_depth is 4, but must be less than batch.count, which is 4"},
        {"sink.redis.backoff_max = '10ms'",
         "sluice.toml:1: sink.redis.backoff_min is 50ms, but must be at most sink.redis.backoff_max, which is 10ms"},
        {"sink.redis.stream = 'a{b}'\nsink.redis.partitions = 2",
         "sluice.toml:1: sink.redis.stream is a{b}, but must hold no { or } beside sink.redis.partitions, which is 2"},
        {"sink.redis.stream = 'a{b}'", "loaded"},
        {"journal.size_max = '100MiB'",
         "sluice.toml:1: journal.size_max is 100MiB, but must be at least twice journal.segment_size, which is 64MiB"},
        {"ack = 'journaled'",
         "sluice.toml:1: ack is journaled, but must not be that without a journal in sink.url, which is "
         "redis://127.0.0.1:6379"},
        {"ack = 'journaled'\nsink.url = 'journal:/var/lib/sluice'", "loaded"},
        {"ack = 'journaled'\njournal.directory = '/var/lib/sluice'", "loaded"},
        {"journal.directory = '/a'\nsink.url = 'journal:/b'",
         "sluice.toml:1: journal.directory is /a, but must be empty beside a journal in sink.url, which is journal:/b"},
        {"sink.redis.exactly_once = true",
         "sluice.toml:1: sink.redis.exactly_once is true, but must not be that without a journal to send again from: "
         "journal.directory, which is "},
        {"journal.directory = '/a'\nsink.redis.exactly_once = true", "loaded"},
        {"journal.directory = '/a'\nsink.url = 'null:'\nsink.redis.exactly_once = true",
         "sluice.toml:3: sink.redis.exactly_once is true, but must not be that without one Redis "
         "(redis:// or redis+unix://) in sink.url, which is null:"},
        {"journal.directory = '/a'\nsink.redis.exactly_once = true\nsink.redis.layout = 'packed'",
         "sluice.toml:2: sink.redis.exactly_once is true, but must stand beside fields or json as sink.redis.layout, "
         "which is packed"},
        {"journal.directory = '/a'\nsink.redis.exactly_once = true\nsink.redis.stream = 'a{b}'",
         "sluice.toml:2: sink.redis.exactly_once is true, but must not be that with { or } in sink.redis.stream, which "
         "is a{b}"},
        {"journal.directory = '/a'\nsink.redis.exactly_once = true\nsink.redis.instance = 'a:b'",
         R"(sluice.toml:3: sink.redis.instance is "a:b", but must be of letters, digits, '.', '_' and '-')"},
        {"sink.redis.exactly_once = 'true'",
         "sluice.toml:1: sink.redis.exactly_once is the string \"true\"; allowed is true or false"},
    };
    for (const SentenceRow& row : rows) EXPECT_EQ(sentence_of(row.toml), row.sentence);
    EXPECT_EQ(sentence_of("", {"SLUICE_BATCH_PIPELINE_DEPTH=64"}, {set("batch.count", "8")}),
              "environment SLUICE_BATCH_PIPELINE_DEPTH: batch.pipeline_depth is 64, but must be less than batch.count, "
              "which is 8");
}

TEST(Sentences, AreFreeOfSecrets) {
    const std::vector<Override> overrides[] = {
        {set("sink.url", "redis://u:s3cret@h:99999")}, {set("sink.url", "redis://u:s3cret@")},
        {set("sink.url", "redis//u:s3cret@h")},        {set("sink.url", "redis://s3cret@h/x")},
        {set("sink.url", "redis://u:s3cret\n@h")},     {set("sink.redis.password", "s3cret\n")},
        {set("sink.url", "redis://h?auth=s3cret")},
    };
    for (const auto& override : overrides) {
        const std::string sentence = sentence_of("", {}, override);
        EXPECT_NE(sentence, "loaded");
        EXPECT_EQ(sentence.find("s3cret"), std::string::npos) << sentence;
    }
    for (const std::string_view toml : {"sink.redis.password = 53", "sink.redis.password = ['s3cret']"}) {
        EXPECT_EQ(sentence_of(toml).find("53"), std::string::npos);
        EXPECT_EQ(sentence_of(toml).find("s3cret"), std::string::npos);
    }
    const auto config = load_text("sink.url = 'redis://u:s3cret@h'\nsink.redis.password = 's3cret'");
    for (const auto& [key, text] : texts_of(*config)) EXPECT_EQ(text.find("s3cret"), std::string::npos) << key;
}

TEST(Sentences, EveryReasonIsSaid) {
    using enum ValueError;
    for (int value = 0; value <= static_cast<int>(query_unknown); ++value) {
        const auto error = static_cast<ValueError>(value);
        EXPECT_EQ(clause_of(error).empty(), error == malformed || error == out_of_range) << value;
    }
}

// --- print-config -------------------------------------------------------------------------------

TEST(Print, TomlLoadsBackToTheDefaults) {
    const auto config = load_text(print_config(PrintFormat::toml));
    ASSERT_TRUE(config) << config.error().sentence;
    EXPECT_EQ(texts_of(*config), texts_of(*load_config({}, surroundings())));
}

TEST(Print, EveryFormatTellsEverythingOfEveryKey) {
    const std::string toml = print_config(PrintFormat::toml), markdown = print_config(PrintFormat::markdown);
    const auto json = nlohmann::json::parse(print_config(PrintFormat::json));
    ASSERT_EQ(json.size(), properties().size());
    for (std::size_t i = 0; i < properties().size(); ++i) {
        const Property& property = properties()[i];
        EXPECT_EQ(json[i]["key"], property.key);
        EXPECT_EQ(json[i]["unit"], unit_of(property));
        EXPECT_EQ(json[i]["default"], property.default_text);
        EXPECT_EQ(json[i]["allowed"], bounds_of(property));
        EXPECT_EQ(json[i]["environment"], environment_name(property.key));
        EXPECT_EQ(json[i]["help"], property.help);
        EXPECT_NE(markdown.find("| `" + std::string(property.key) + "` | "), std::string::npos);
        for (const std::string& text :
             {std::string(property.help), bounds_of(property), environment_name(property.key)}) {
            EXPECT_NE(toml.find(text), std::string::npos) << text;
        }
    }
    EXPECT_FALSE(print_format_of("yaml"));
}

TEST(Print, TheTableOfTheReadmeIsTheGeneratedOne) {
    std::ifstream file(SLUICE_SOURCE_DIR "/README.md");
    const std::string readme{std::istreambuf_iterator<char>(file), {}};
    const std::string begin_marker = "<!-- config:begin -->\n", end_marker = "<!-- config:end -->";
    const std::size_t begin = readme.find(begin_marker), end = readme.find(end_marker);
    if (begin == std::string::npos || end == std::string::npos) GTEST_SKIP() << "README.md has no config markers";
    const std::size_t first = begin + begin_marker.size();
    EXPECT_EQ(readme.substr(first, end - first), print_config(PrintFormat::markdown))
        << "run: sluice print-config --format markdown, and put the result between the markers";
}

}  // namespace
}  // namespace sluice::config
