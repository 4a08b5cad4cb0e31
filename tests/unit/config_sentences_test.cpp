// Configuration: the sentence for each thing that can be wrong.
// runs: release asan
#include <gtest/gtest.h>

#include "engine/config/relations.hpp"
#include "engine/core/limits.hpp"
#include "tests/support/config_texts.hpp"

namespace sluice::config {
namespace {

struct SentenceRow {
    std::string toml, sentence;
};

TEST(Sentences, OfValuesInAFile) {
    const SentenceRow rows[] = {
        {"\n\nbatch.size = '10 bananas'",
         R"(sluice.toml:3: batch.size is "10 bananas", which has an unknown unit (known are B, KiB, MiB and GiB); allowed is a size from 32KiB to 1MiB such as 64KiB)"},
        {"batch.size = '2MiB'",
         R"(sluice.toml:1: batch.size is "2MiB"; allowed is a size from 32KiB to 1MiB such as 64KiB)"},
        {"batch.size = 1000", "sluice.toml:1: batch.size is 1000; allowed is a size from 32KiB to 1MiB such as 64KiB"},
        {"batch.size = '64KB'",
         R"(sluice.toml:1: batch.size is "64KB", whose unit can mean 1000 or 1024 (write KiB, MiB or GiB); allowed is a size from 32KiB to 1MiB such as 64KiB)"},
        {"ack_timeout = 5",
         "sluice.toml:1: ack_timeout is 5, which has no unit (ns, us, ms, s, m or h); allowed is a duration from 10ms "
         "to 10m "
         "such as 5s"},
        {"sink.redis.maxage = '5x'",
         R"(sluice.toml:1: sink.redis.maxage is "5x", which has an unknown unit (known are ns, us, ms, s, m and h); allowed is a duration in whole seconds from 0s to 87600h)"},
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
         R"(sluice.toml:1: ack is replicated, but needs more than 0 as sink.redis.replicas, which is 0)"},
        {"ack = 'replicated'\nsink.redis.replicas = 1\nsink.url = 'null:'",
         R"(sluice.toml:1: ack is replicated, but needs a Redis in sink.url, which is null:)"},
        {"ack = 'replicated'\nsink.url = 'null:'",
         R"(sluice.toml:1: ack is replicated, but needs a Redis in sink.url, which is null:)"},
        {"ack = 'replicated'\njournal.directory = 'd'",
         R"(sluice.toml:1: ack is replicated, but does not go with journal.directory, which is d)"},
        {"ack = 'replicated'\nsink.redis.replicas = 1\njournal.directory = 'd'",
         R"(sluice.toml:1: ack is replicated, but does not go with journal.directory, which is d)"},
        {"admission.interval = '0s'\nadmission.stream_length_max = 1000",
         "sluice.toml:2: admission.stream_length_max is 1000, but needs more than 0s as admission.interval, which is "
         "0s"},
        {"admission.interval = '0s'\nadmission.group_lag_max = 1",
         "sluice.toml:2: admission.group_lag_max is 1, but needs more than 0s as admission.interval, which is 0s"},
        {"sink.redis.maxage = '1h'\nsink.redis.maxlen = 10",
         R"(sluice.toml:1: sink.redis.maxage is 1h, but must be 0s beside sink.redis.maxlen, which is 10)"},
        {"sink.redis.maxage = '1h'\nsink.redis.layout = 'list'",
         R"(sluice.toml:1: sink.redis.maxage is 1h, but needs a stream (fields, json or packed) as sink.redis.layout, which is list)"},
        {"sink.redis.maxage = '1h'\nsink.redis.exactly_once = true\njournal.directory = 'd'",
         R"(sluice.toml:1: sink.redis.maxage is 1h, but must be 0s beside sink.redis.exactly_once, which is true)"},
        {"sink.redis.password_file = '/p'\nsink.redis.password = 'pen'",
         R"(sluice.toml:1: sink.redis.password_file is /p, but must be empty beside sink.redis.password, which is ***)"},
        {"sink.redis.replicas = 1\nsink.redis.replicas_timeout = '5s'",
         R"(sluice.toml:2: sink.redis.replicas_timeout is 5s, but must be less than ack_timeout, which is 5s)"},
        {"sink.redis.replicas = 1\nsink.redis.replicas_timeout = '4s'\nsink.redis.reply_timeout = '3s'",
         R"(sluice.toml:2: sink.redis.replicas_timeout is 4s, but must be less than sink.redis.reply_timeout, which is 3s)"},
        {"ack = 'Saved'", R"(sluice.toml:1: ack is "Saved"; allowed is queued, journaled, stored or replicated)"},
        {"log.level = 'trace'", R"(sluice.toml:1: log.level is "trace"; allowed is debug, info, warn or error)"},
        {"listen = 'example.org:8080'",
         R"(sluice.toml:1: listen is "example.org:8080", whose address is neither numeric (IPv6 in brackets) nor localhost; allowed is none, or 1 to 16 of: a numeric address and a port such as 127.0.0.1:8080 or [::1]:8080, localhost:8080, :8080 for all interfaces, or unix:/path)"},
        {"listen = 7",
         "sluice.toml:1: listen is the integer 7; allowed is none, or 1 to 16 of: a numeric address and a port such as "
         "127.0.0.1:8080 or [::1]:8080, localhost:8080, :8080 for all interfaces, or unix:/path"},
        {"admin.listen = ['127.0.0.1:1']",
         "sluice.toml:1: admin.listen is an array; allowed is a numeric address and a port such as 127.0.0.1:8081 or "
         "[::1]:8080, localhost:8080, :8080 for all interfaces, or unix:/path"},
        {"cores = 2", "sluice.toml:1: cores is the integer 2; allowed is auto or a list of core numbers such as 0,2-3"},
        {"cores = '0,0'",
         R"(sluice.toml:1: cores is "0,0", which lists a core twice; allowed is auto or a list of core numbers such as 0,2-3)"},
        {"cores = '1-2'",
         R"(sluice.toml:1: cores is "1-2", but core 2 does not exist or is closed to this process; allowed is auto or any of 0-1,4)"},
        {"sink.url = 'redisss://h'",
         R"(sluice.toml:1: sink.url is "redisss://h", whose scheme is unknown; allowed is redis[s]://[user[:password]@]host[:port][/db], redis[s]-cluster://host:port,..., redis[s]-sentinel://host:port,.../name[/db], redis+unix:///path[?db=N], journal:directory or null:)"},
        {"sink.redis.stream = ''",
         R"(sluice.toml:1: sink.redis.stream is ""; allowed is a string of 1 to 121 bytes without control characters)"},
        {"sink.redis.stream = \"a\\r\\nb\"",
         R"(sluice.toml:1: sink.redis.stream is "a\x0D\x0Ab", which holds a control character; allowed is a string of 1 to 121 bytes without control characters)"},
    };
    for (const SentenceRow& row : rows) EXPECT_EQ(sentence_of(row.toml), row.sentence);
}

TEST(Sentences, OfLists) {
    const std::string allowed =
        "; allowed is none, or 1 to 16 of: a numeric address and a port such as 127.0.0.1:8080 or [::1]:8080, "
        "localhost:8080, "
        ":8080 for all interfaces, or unix:/path";
    const SentenceRow rows[] = {
        {"listen = ['127.0.0.1']", R"(listen is "127.0.0.1", which has no port)"},
        {"listen = ['127.0.0.1:1', 'x:2', 'x']",
         R"(element 2 of listen is "x:2", whose address is neither numeric (IPv6 in brackets) nor localhost)"},
        {"listen = ['127.0.0.1:1', 2]", "element 2 of listen is an integer"},
        {"listen = [['127.0.0.1:1']]", "element 1 of listen is an array"},
        {"listen = ['127.0.0.1:1,127.0.0.1:2']",
         R"(listen is "127.0.0.1:1,127.0.0.1:2", whose address is neither numeric (IPv6 in brackets) nor localhost)"},
        {"listen = '127.0.0.1:1, y:2'",
         R"(element 2 of listen is "y:2", whose address is neither numeric (IPv6 in brackets) nor localhost)"},
        {"listen = '59611'", R"(listen is "59611", which is a port only (write a colon before it))"},
        {"listen = ':80,0.0.0.0:80'",
         R"(element 2 of listen is "0.0.0.0:80", which collides with another (0.0.0.0, [::] and :port take every address of their port))"},
        {"listen = 'localhost:80,[::1]:80'",
         R"(element 2 of listen is "[::1]:80", which collides with another (localhost is 127.0.0.1 and [::1]))"},
        {"listen = '127.0.0.1:1,'", R"(element 2 of listen is "", which has no port)"},
        {"listen = ['127.0.0.1:1', '[::1]:1', '127.0.0.1:1']",
         R"(element 3 of listen is "127.0.0.1:1", which stands in the list twice)"},
        {"listen = ['unix:/a', 'unix:/b', 'unix:/a']",
         R"(element 3 of listen is "unix:/a", which stands in the list twice)"},
        {"listen = ['127.0.0.1:1', '0.0.0.0:1']",
         R"(element 2 of listen is "0.0.0.0:1", which collides with another (0.0.0.0, [::] and :port take every address of their port))"},
        {"listen = ['unix:/a', 'unix:b']",
         R"(element 2 of listen is "unix:b", whose socket path is not absolute, longer than 107 bytes, or holds a comma or control character)"},
    };
    for (const SentenceRow& row : rows) EXPECT_EQ(sentence_of(row.toml), "sluice.toml:1: " + row.sentence + allowed);
    std::string many = "listen = ['255.255.255.255:0'";
    for (std::size_t i = 1; i <= limits::listen_addresses_count_max; ++i) many += ", '255.255.255.255:0'";
    EXPECT_TRUE(sentence_of(many + "]").ends_with(R"("255.255.255.255:0", …])" + allowed)) << sentence_of(many + "]");
    for (const std::string_view none : {"listen = []", "listen = ''"}) {
        EXPECT_EQ(sentence_of(none),
                  "sluice.toml:1: listen is not set, but needs an address, here or in tls.listen, which is not set");
    }
    EXPECT_EQ(sentence_of("listen = ''\ntls.listen = '127.0.0.1:1'\ntls.certificate = 'a'\ntls.key = 'b'"), "loaded");
    EXPECT_EQ(sentence_of("tls.listen = '127.0.0.1:8080'\ntls.certificate = 'a'\ntls.key = 'b'"),
              "sluice.toml:1: tls.listen is 127.0.0.1:8080, but must not collide with listen, which is 127.0.0.1:8080");
    EXPECT_EQ(sentence_of("tls.more = ['a.pem']"),
              "sluice.toml:1: tls.more is \"a.pem\"; allowed is none, or 1 to 64 of: certificate file:key file");
    EXPECT_EQ(sentence_of("listen = ['127.0.0.1:0', '127.0.0.1:0']"), "loaded");  // the kernel chooses two ports
    EXPECT_EQ(sentence_of("listen = '0.0.0.0:80'\nadmin.listen = '127.0.0.1:80'"),
              "sluice.toml:2: admin.listen is 127.0.0.1:80, but must not collide with listen, which is 0.0.0.0:80");
    EXPECT_EQ(sentence_of("listen = ['127.0.0.1:80', 'unix:/a']\nadmin.listen = 'unix:/a'"), "loaded");
}

TEST(Sentences, OfKeysInAFile) {
    const SentenceRow rows[] = {
        {"ack = 'queued'\nlisen = '127.0.0.1:1'", "sluice.toml:2: lisen is not a setting; the nearest is listen"},
        {"[sinks]\nurl = 'null:'",
         "sluice.toml:1: sinks is not a group of settings; groups are admin, log, http, proxy, influx, prometheus, "
         "otlp, tls, "
         "tenants, quota, quota.address, io, "
         "batch, journal, admission, "
         "idempotency, sink, "
         "sink.redis"},
        {"'' = 1", R"(sluice.toml:1: "" is not a setting; sluice print-config lists all)"},
        {"'lis ten' = 1", R"(sluice.toml:1: "lis ten" is not a setting; the nearest is listen)"},
        {"[sink]\nurll = 'null:'", "sluice.toml:2: sink.urll is not a setting; the nearest is sink.url"},
        {"[batch]\n[batch.deep]",
         "sluice.toml:2: batch.deep is not a group of settings; groups are admin, log, http, proxy, influx, "
         "prometheus, otlp, "
         "tls, tenants, quota, quota.address, io, batch, journal, "
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
        {"ack = 'queued'\nack = 'stored'\n", "2: is not TOML: key-value pair: cannot redefine existing string \"ack\""},
        {"\n\nack = \n", "3: is not TOML: key-value pair: expected value, found the end of the line"},
        {"ack = 'queued", "1: is not TOML: literal string: the file ends within it"},
        {"retry_after = 1.", "1: is not TOML: floating-point: the file ends within it"},
        {"ack = \"\\q\"\n", "1: is not TOML: string: unknown escape sequence \"\\q\""},
        {"ack = 'a\n'\n", "1: is not TOML: literal string: control characters other than TAB (U+0009) are not allowed"},
        {"{}", "1: is not TOML: root table: expected keys, tables, whitespace or comments, found \"{\""},
        {"\xFF\xFE", "1: is not TOML: it holds bytes that are no UTF-8"},
    };
    for (const SentenceRow& row : rows) EXPECT_EQ(sentence_of(row.toml), "sluice.toml:" + row.sentence);
    for (const char* const word : {"INFO", "info", "debug", "never", "0.0.0.0:80", ":80", "5s", "tru", "True", "2-3"})
        EXPECT_EQ(sentence_of(std::string("[log]\nlevel = ") + word + "\n"),
                  "sluice.toml:2: is not TOML: the value is no number, date, true or false; text needs quotation marks")
            << word;
    EXPECT_EQ(sentence_of(std::string(limits::config_file_bytes_max + 1, '\n')), "sluice.toml: is larger than 1MiB");
    EXPECT_EQ(sentence_of(std::string(limits::config_file_bytes_max, '\n')), "loaded");
}

TEST(Sentences, OfFilesThatCannotBeRead) {
    const auto sentence = [](const char* file) {
        return load_config({.config_file = file, .settings = {}}, environment_of()).error().sentence;
    };
    EXPECT_EQ(sentence("/nonexistent/a.toml"), "/nonexistent/a.toml: cannot be read: No such file or directory");
    EXPECT_EQ(sentence("/"), "/: cannot be read: Is a directory");
    EXPECT_EQ(sentence("/dev/zero"), "/dev/zero: is no regular file");
}

TEST(Sentences, OfEnvironmentAndCommandLine) {
    EXPECT_EQ(
        sentence_of("", {"SLUICE_BATCH_SIZE=1"}),
        R"(environment SLUICE_BATCH_SIZE: batch.size is "1"; allowed is a size from 32KiB to 1MiB such as 64KiB)");
    EXPECT_EQ(sentence_of("", {"SLUICE_BATCH_SIZ=1"}),
              "environment SLUICE_BATCH_SIZ: not a setting; the nearest is SLUICE_BATCH_SIZE");
    EXPECT_EQ(
        sentence_of("", {"SLUICE_LISTEN"}),
        "environment SLUICE_LISTEN: listen is not set, but needs an address, here or in tls.listen, which is not set");
    EXPECT_EQ(sentence_of("", {}, {{"--ack", "ack", "maybe"}}),
              R"(command line --ack: ack is "maybe"; allowed is queued, journaled, stored or replicated)");
    EXPECT_EQ(sentence_of("", {}, {set("no.such.thing", "1")}),
              "command line --set: no.such.thing is not a setting; sluice print-config lists all");
    EXPECT_EQ(sentence_of("", {"SLUICE_VERSION=1"}),
              "environment SLUICE_VERSION: not a setting; sluice print-config lists all, with their variables");
    EXPECT_EQ(sentence_of("", {"SLUICE_ADMISSION_STREAM_LENGHT_MAX=1"}),
              "environment SLUICE_ADMISSION_STREAM_LENGHT_MAX: not a setting; the nearest is "
              "SLUICE_ADMISSION_STREAM_LENGTH_MAX");
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
        {"sink.redis.tls_ca = '/ca.pem'",
         "sluice.toml:1: sink.redis.tls_ca is /ca.pem, but needs rediss://, rediss-cluster:// or rediss-sentinel:// in "
         "sink.url, which is redis://127.0.0.1:6379"},
        {"sink.redis.tls_ca = '/ca.pem'\nsink.url = 'rediss-cluster://a'", "loaded"},
        {"sink.redis.tls_certificate = '/a'\nsink.url = 'rediss://h'",
         "sluice.toml:1: sink.redis.tls_certificate is /a, but needs a file in sink.redis.tls_key, which is not set"},
        {"journal.size_max = '100MiB'",
         "sluice.toml:1: journal.size_max is 100MiB, but must be at least twice journal.segment_size, which is 64MiB"},
        {"ack = 'journaled'",
         "sluice.toml:1: ack is journaled, but needs journal.directory, or a journal in sink.url, which is "
         "redis://127.0.0.1:6379"},
        {"ack = 'journaled'\nsink.url = 'journal:/var/lib/sluice'", "loaded"},
        {"ack = 'journaled'\njournal.directory = '/var/lib/sluice'", "loaded"},
        {"journal.directory = '/a'\nsink.url = 'journal:/b'",
         "sluice.toml:1: journal.directory is /a, but does not go with a journal in sink.url, which is journal:/b"},
        {"sink.redis.exactly_once = true",
         "sluice.toml:1: sink.redis.exactly_once is true, but needs a journal to send again from: journal.directory, "
         "which is not set"},
        {"journal.directory = '/a'\nsink.redis.exactly_once = true", "loaded"},
        {"journal.directory = '/a'\nsink.url = 'null:'\nsink.redis.exactly_once = true",
         "sluice.toml:3: sink.redis.exactly_once is true, but needs one Redis "
         "(redis:// or redis+unix://) in sink.url, which is null:"},
        {"journal.directory = '/a'\nsink.redis.exactly_once = true\nsink.redis.layout = 'packed'",
         "sluice.toml:2: sink.redis.exactly_once is true, but needs fields or json as sink.redis.layout, "
         "which is packed"},
        {"journal.directory = '/a'\nsink.redis.exactly_once = true\nsink.redis.stream = 'a{b}'",
         "sluice.toml:2: sink.redis.exactly_once is true, but takes no { or } in sink.redis.stream, which "
         "is a{b}"},
        {"journal.directory = '/a'\nsink.redis.exactly_once = true\nsink.redis.instance = 'a:b'",
         "sluice.toml:3: sink.redis.instance is a:b, but must be of letters, digits, '.', '_' and '-' with "
         "sink.redis.exactly_once, which is true"},
        {"journal.directory = '/a'\nsink.redis.exactly_once = true\nsink.redis.stream = '" +
             std::string(limits::owned_stream_key_bytes_max + 1, 's') + "'",
         "sluice.toml:2: sink.redis.exactly_once is true, but takes at most 71 bytes in sink.redis.stream, which is " +
             std::string(limits::shown_bytes_max, 's') + "…"},
        {"sink.redis.exactly_once = 'true'",
         "sluice.toml:1: sink.redis.exactly_once is the string \"true\"; allowed is true or false"},
    };
    for (const SentenceRow& row : rows) EXPECT_EQ(sentence_of(row.toml), row.sentence);
    EXPECT_EQ(sentence_of("", {"SLUICE_BATCH_PIPELINE_DEPTH=64"}, {set("batch.count", "8")}),
              "environment SLUICE_BATCH_PIPELINE_DEPTH: batch.pipeline_depth is 64, but must be less than batch.count, "
              "which is 8");
}

TEST(Relations, NameKeysThatExistAndHoldForTheDefaults) {
    for (const Relation& relation : relations()) {
        EXPECT_NE(find_property(relation.key), nullptr) << relation.key;
        EXPECT_NE(find_property(relation.other), nullptr) << relation.other;
        EXPECT_TRUE(relation.holds(default_config())) << relation.key << ' ' << relation.needs;
    }
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

TEST(Sentences, OfProxiesAndOrigins) {
    const std::string networks =
        "; allowed is none, or 1 to 64 of: an address or a network such as 10.1.0.0/16 or 2001:db8::/32";
    const std::string origins =
        "; allowed is none, or 1 to 64 of: scheme://host or scheme://host:port, in lower case, without a path and "
        "without the scheme's own port";
    for (const std::string bad : {"10.0.0.1/8", "10.0.0.0/33", "localhost", "10.0.0.0/8 /", "::/129"})
        EXPECT_EQ(sentence_of("proxy.trusted = '" + bad + "'"),
                  "sluice.toml:1: proxy.trusted is \"" + bad +
                      "\", which is no address, or has bits behind its prefix" + networks);
    EXPECT_EQ(sentence_of("proxy.trusted = ['10.0.0.0/8', '10.0.0.0/8']"),
              "sluice.toml:1: element 2 of proxy.trusted is \"10.0.0.0/8\", which stands in the list twice" + networks);
    EXPECT_EQ(sentence_of("proxy.trusted = ['10.0.0.0/8', '::1', '2001:db8::/32']"), "loaded");
    for (const std::string bad : {"*", "null", "app.example.org", "https://app.example.org/", "https://App.example.org",
                                  "https://", "https://a:443", "http://a:80", "https://u@a", "https://a:", "https://a?",
                                  "https://*.example.org", "://a", "https://a:08"})
        EXPECT_EQ(
            sentence_of("http.cors_origins = '" + bad + "'"),
            "sluice.toml:1: http.cors_origins is \"" + bad + "\", which is no origin as a browser sends it" + origins);
    EXPECT_EQ(sentence_of("http.cors_origins = ['https://a.example', 'http://localhost:3000', 'http://[::1]:81']"),
              "loaded");
    EXPECT_EQ(sentence_of("proxy.protocol = 'v1v2'"),
              "sluice.toml:1: proxy.protocol is v1v2, but needs the networks of the proxies in proxy.trusted, which is "
              "not set");
    EXPECT_EQ(
        sentence_of("quota.address.bytes_per_s = '1KiB'\ntenants.file = 't'"),
        "sluice.toml:1: quota.address.bytes_per_s is 1KiB, but is for engines without tenants, so must be 0 beside "
        "tenants.file, which is t");
    EXPECT_EQ(sentence_of("proxy.protocol = 'v1v2'\nproxy.trusted = '::1'\nlisten = 'unix:/a'"),
              "sluice.toml:1: proxy.protocol is v1v2, but takes no Unix socket in listen, which is unix:/a");
}

TEST(Sentences, EveryReasonIsSaid) {
    using enum ValueError;
    for (int value = 0; value <= static_cast<int>(origin_invalid); ++value) {
        const auto error = static_cast<ValueError>(value);
        EXPECT_EQ(clause_of(error).empty(), error == malformed || error == out_of_range) << value;
    }
}

}  // namespace
}  // namespace sluice::config
