// Redis encoders: golden transcripts, and proof by hiredis' own reader that each sample is exactly one command
// with the arguments that were meant, whatever bytes the client chose.
// runs: release asan
#include "sinks/redis/layout/encoder.hpp"

#include <gtest/gtest.h>
#include <hiredis/hiredis.h>
#include <hiredis/read.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "sinks/redis/layout/partition.hpp"
#include "sinks/redis/resp/resp_writer.hpp"
#include "tests/support/allocation_counter.hpp"
#include "tests/support/seed.hpp"

namespace sluice::tests {
namespace {
using sinks::RedisLayoutSettings;
using Command = std::vector<std::string>;
using Commands = std::vector<Command>;

struct ArenaBatch {
    explicit ArenaBatch(std::size_t bytes = 64 * limits::kib) : arena(bytes) { batch.bind(arena, 0); }
    [[nodiscard]] std::string wire() {
        const std::span<char> bytes = batch.bytes();
        return {bytes.data(), bytes.size()};
    }
    std::vector<char> arena;
    Batch batch;
};

// The commands of `wire`; a reader that does not consume it all, or finds an error, fails the test.
Commands commands_of(const std::string& wire) {
    Commands commands;
    const std::unique_ptr<redisReader, void (*)(redisReader*)> reader(redisReaderCreate(), redisReaderFree);
    reader->maxbuf = 0;
    EXPECT_EQ(redisReaderFeed(reader.get(), wire.data(), wire.size()), REDIS_OK);
    for (;;) {
        void* raw = nullptr;
        EXPECT_EQ(redisReaderGetReply(reader.get(), &raw), REDIS_OK) << reader->errstr;
        if (raw == nullptr) break;
        const std::unique_ptr<redisReply, void (*)(void*)> reply(static_cast<redisReply*>(raw), freeReplyObject);
        EXPECT_EQ(reply->type, REDIS_REPLY_ARRAY);
        Command& command = commands.emplace_back();
        for (std::size_t i = 0; i < reply->elements; ++i) {
            EXPECT_EQ(reply->element[i]->type, REDIS_REPLY_STRING);
            command.emplace_back(reply->element[i]->str, reply->element[i]->len);
        }
    }
    EXPECT_EQ(reader->pos, reader->len) << "bytes are left over";
    return commands;
}

std::string render(const Sample& sample, const RedisLayoutSettings& settings = {}) {
    ArenaBatch batch;
    const auto encoder = sinks::make_redis_encoder(settings);
    EXPECT_TRUE(encoder->append(batch.batch, sample));
    encoder->seal(batch.batch);
    EXPECT_EQ(batch.batch.command_count(), 1u);
    EXPECT_EQ(batch.batch.sample_count(), 1u);
    return batch.wire();
}

// Sample has no default initializers for its views, which -Wextra wants of designated ones.
struct SampleFields {
    std::string_view device_id = "d";
    std::int64_t timestamp_ns = 0;
    std::string_view type{}, value{}, unit{}, values{}, metadata{};
    std::span<const Member> others{};
    std::string_view raw{};
};

Sample sample_of(const SampleFields& fields) {
    Sample sample;
    sample.device_id = fields.device_id;
    sample.timestamp_ns = fields.timestamp_ns;
    sample.type = fields.type;
    sample.value = fields.value;
    sample.unit = fields.unit;
    sample.values = fields.values;
    sample.metadata = fields.metadata;
    sample.others = fields.others;
    sample.raw = fields.raw;
    return sample;
}

Sample reference() {
    return {.device_id = "sensor-17",
            .timestamp_ns = 1'767'027'837'123'000'000,
            .type = "temperature",
            .value = "27.3",
            .value_kind = ValueKind::number,
            .unit = "celsius",
            .values = {},
            .priority = Priority::medium,
            .metadata = R"({"location":"zone-3"})",
            .others = {},
            .raw = R"({"device_id":"sensor-17"})"};
}

TEST(FieldsEncoder, RendersTheReferenceByteForByte) {
    EXPECT_EQ(
        render(reference()),
        "*17\r\n$4\r\nXADD\r\n$9\r\ntelemetry\r\n$1\r\n*\r\n$9\r\ndevice_id\r\n$9\r\nsensor-17\r\n$2\r\nts\r\n"
        "$19\r\n1767027837123000000\r\n$4\r\ntype\r\n$11\r\ntemperature\r\n$5\r\nvalue\r\n$4\r\n27.3\r\n$4\r\nunit\r\n"
        "$7\r\ncelsius\r\n$8\r\npriority\r\n$6\r\nMEDIUM\r\n$8\r\nmetadata\r\n$21\r\n{\"location\":\"zone-3\"}\r\n");
}

TEST(FieldsEncoder, RendersOnlyTheFieldsThatTheSampleHas) {
    const Sample minimal = sample_of({.device_id = "d", .type = "t", .value = "1"});
    const Command expected{"XADD", "telemetry", "*", "device_id", "d", "ts", "0", "type", "t", "value", "1"};
    EXPECT_EQ(commands_of(render(minimal)), Commands{expected});
    const Sample several = sample_of({.device_id = "d", .timestamp_ns = 7, .values = R"({"a":1})"});
    const Command expected_several{"XADD", "telemetry", "*", "device_id", "d", "ts", "7", "values", R"({"a":1})"};
    EXPECT_EQ(commands_of(render(several)), Commands{expected_several});
}

// Without it `true` and `"true"`, `1.5` and `"1.5"` would be the same entry.
TEST(FieldsEncoder, KeepsTheKindOfAValueThatIsNoNumber) {
    struct Row {
        ValueKind kind;
        std::string_view value;
        std::vector<std::string> type;
    };
    for (const Row& row : {Row{ValueKind::number, "1.5", {}}, Row{ValueKind::string, "1.5", {"value_type", "string"}},
                           Row{ValueKind::boolean, "true", {"value_type", "bool"}},
                           Row{ValueKind::string, "true", {"value_type", "string"}},
                           Row{ValueKind::string, "", {"value_type", "string"}}}) {
        Sample sample = sample_of({.type = "t", .value = row.value, .metadata = "{}"});
        sample.value_kind = row.kind;
        const std::array<Member, 2> others{Member{"value_type", "x"}, Member{"member.value_type", "y"}};
        sample.others = others;
        Command expected{
            "XADD",     "telemetry", "*", "device_id", "d", "ts", "0", "type", "t", "value", std::string(row.value),
            "metadata", "{}"};
        expected.insert(expected.end(), row.type.begin(), row.type.end());
        for (const char* word : {"member.value_type", "x", "member.member.value_type", "y"})
            expected.emplace_back(word);
        EXPECT_EQ(commands_of(render(sample)), Commands{expected});
    }
}

TEST(FieldsEncoder, TrimsAndPartitions) {
    const RedisLayoutSettings settings{.partitions_count = 4, .maxlen_count = 1000};
    const std::uint32_t partition = sinks::partition_of("sensor-17", 4);
    const Commands commands = commands_of(render(reference(), settings));
    ASSERT_EQ(commands.size(), 1u);
    const Command head(commands[0].begin(), commands[0].begin() + 6);
    EXPECT_EQ(head, (Command{"XADD", "telemetry:{" + std::to_string(partition) + "}", "MAXLEN", "~", "1000", "*"}));
}

TEST(Encoders, OfOwnedStreamsUseTheSamplesOwnId) {
    Sample sample = sample_of({.device_id = "d", .type = "t", .value = "1", .raw = "{}"});
    sample.entry_id = "18446744073709551615-18446744073709551615";
    const std::string id(sample.entry_id);
    EXPECT_EQ(commands_of(render(sample, {.maxlen_count = 9, .instance = "i"})),
              (Commands{Command{"XADD", "telemetry:{0}:i", "MAXLEN", "~", "9", id, "device_id", "d", "ts", "0", "type",
                                "t", "value", "1"}}));
    EXPECT_EQ(commands_of(render(sample, {.layout = RedisLayout::json, .partitions_count = 1, .instance = "i"})),
              (Commands{Command{"XADD", "telemetry:{0}:i", id, "json", "{}"}}));
    const RedisLayoutSettings two{.partitions_count = 2, .instance = "i"};
    EXPECT_EQ(commands_of(render(sample, two))[0][1], sinks::stream_key(two, sinks::partition_of("d", 2)));
    EXPECT_EQ(sinks::stream_key(two, 1), "telemetry:{1}:i");
    EXPECT_EQ(sinks::stream_key({.stream = "s"}, 0), "s");
}

// Room for the longest ID is counted: a batch that is nearly full refuses the sample, or holds all of it.
TEST(Encoders, CountTheIdAmongTheBytes) {
    Sample sample = sample_of({.device_id = "d", .type = "t", .value = "1", .raw = "{}"});
    sample.entry_id = "18446744073709551615-18446744073709551615";
    for (const RedisLayout layout : {RedisLayout::fields, RedisLayout::json}) {
        const auto encoder = sinks::make_redis_encoder({.layout = layout, .instance = "i"});
        ArenaBatch batch;
        while (encoder->append(batch.batch, sample)) {
        }
        EXPECT_LT(batch.batch.room().size(), 512u);
        EXPECT_EQ(commands_of(batch.wire()).size(), batch.batch.command_count());
    }
}

TEST(FieldsEncoder, ClientBytesStayArguments) {
    const std::string nul("a\0b\r\n", 5);
    const std::string resp = "*1\r\n$8\r\nFLUSHALL\r\n";
    const std::array<Member, 4> others{Member{"ts", "1"}, Member{"member.ts", "2"}, Member{nul, resp}, Member{"", ""}};
    const Sample sample =
        sample_of({.device_id = nul, .type = resp, .value = "", .unit = resp, .metadata = resp, .others = others});
    const Command expected{"XADD", "telemetry", "*",  "device_id", nul, "ts",
                           "0",    "type",      resp, "value",     "",  "unit",
                           resp,   "metadata",  resp, "member.ts", "1", "member.member.ts",
                           "2",    nul,         resp, "",          ""};
    EXPECT_EQ(commands_of(render(sample)), Commands{expected});
}

TEST(FieldsEncoder, CopiesEveryLengthExactly) {
    for (std::size_t size = 1; size < 300; ++size) {
        std::string text(size, 'x');
        for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('!' + i % 90);
        const std::string exact = text;
        const Commands commands = commands_of(render(sample_of({.type = exact, .value = "1"})));
        ASSERT_EQ(commands.size(), 1u);
        ASSERT_EQ(commands[0].at(8), text);
    }
}

TEST(RespWriter, RendersNumbersAsTheStandardLibraryDoes) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE(seed_trace(seed));
    std::mt19937_64 random(seed);
    const auto expect_same = [](std::uint64_t number) {
        std::array<char, 64> bytes{};
        sinks::RespWriter writer(bytes.data());
        writer.bulk(static_cast<std::int64_t>(number));
        const std::string digits = std::to_string(number);
        ASSERT_EQ(std::string_view(bytes.data(), writer.size()),
                  "$" + std::to_string(digits.size()) + "\r\n" + digits + "\r\n");
    };
    for (std::uint64_t power = 1; power <= 1'000'000'000'000'000'000u; power *= 10)
        for (const std::uint64_t number : {power - 1, power, power + 1}) expect_same(number);
    for (int i = 0; i < 200'000; ++i) expect_same(random() >> (1 + random() % 63));
    for (std::uint64_t i = 0; i < 100'000'000; i += 9'973)
        expect_same(1'700'000'000'000'000'000u + i * 10'000'000'001u);
    expect_same(9'223'372'036'854'775'807u);
}

TEST(RawEncoders, SendTheSampleAsReceived) {
    EXPECT_EQ(commands_of(render(reference(), {.layout = RedisLayout::json})),
              (Commands{Command{"XADD", "telemetry", "*", "json", R"({"device_id":"sensor-17"})"}}));
    EXPECT_EQ(commands_of(render(reference(), {.layout = RedisLayout::list})),
              (Commands{Command{"RPUSH", "telemetry_queue", R"({"device_id":"sensor-17"})"}}));
}

TEST(PackedEncoder, MakesOneCommandOfABatch) {
    ArenaBatch batch;
    const auto encoder = sinks::make_redis_encoder({.layout = RedisLayout::packed, .maxlen_count = 9});
    EXPECT_TRUE(encoder->is_one_command_per_batch());
    for (const auto& [timestamp_ns, raw] :
         {std::pair{30, "{\"a\":  1}"}, std::pair{10, "{}"}, std::pair{20, "{\"b\":2}"}}) {
        const Sample sample = sample_of({.device_id = "d", .timestamp_ns = timestamp_ns, .raw = raw});
        ASSERT_TRUE(encoder->append(batch.batch, sample));
    }
    EXPECT_EQ(batch.batch.command_count(), 0u);
    encoder->seal(batch.batch);
    EXPECT_EQ(batch.batch.command_count(), 1u);
    EXPECT_EQ(batch.batch.sample_count(), 3u);
    const Command expected{"XADD", "telemetry", "MAXLEN", "~",       "9",  "*",      "n",
                           "3",    "first_ts",  "10",     "last_ts", "30", "ndjson", "{\"a\":  1}\n{}\n{\"b\":2}\n"};
    EXPECT_EQ(commands_of(batch.wire()), Commands{expected});
}

TEST(PackedEncoder, HasALaneForEachPartition) {
    const std::string stream(limits::stream_name_bytes_max - 6, 's');
    const auto encoder = sinks::make_redis_encoder(
        {.layout = RedisLayout::packed, .stream = stream, .partitions_count = 256, .maxlen_count = ~std::uint64_t{0}});
    ASSERT_EQ(encoder->lane_count(), 256u);
    const Sample sample = sample_of({.device_id = "sensor-17", .timestamp_ns = 9'223'372'036'854'775'807, .raw = "{}"});
    ArenaBatch batch;
    batch.batch.lane = static_cast<std::uint16_t>(encoder->lane_of(sample));
    ASSERT_TRUE(encoder->append(batch.batch, sample));
    encoder->seal(batch.batch);
    EXPECT_EQ(commands_of(batch.wire()).at(0).at(1), stream + ":{" + std::to_string(batch.batch.lane) + "}");
}

std::uint64_t test_time_ms = 0;

// One batch of two samples at `now_ms`, its first words.
Commands trimmed_by_age(sinks::Encoder& encoder, std::uint64_t now_ms) {
    ArenaBatch batch;
    test_time_ms = now_ms;
    EXPECT_TRUE(encoder.append(batch.batch, reference()));
    if (!encoder.is_one_command_per_batch()) test_time_ms += 5000;  // a batch has one time
    EXPECT_TRUE(encoder.append(batch.batch, reference()));
    encoder.seal(batch.batch);
    Commands heads;
    for (const Command& command : commands_of(batch.wire())) heads.emplace_back(command.begin(), command.begin() + 7);
    return heads;
}

TEST(Encoders, TrimByAgeAsOfTheBatch) {
    for (const RedisLayout layout : {RedisLayout::fields, RedisLayout::json, RedisLayout::packed}) {
        SCOPED_TRACE(static_cast<int>(layout));
        const auto encoder = sinks::make_redis_encoder(
            {.layout = layout, .maxage_ms = 3'600'000, .wall_ms = [] { return test_time_ms; }});
        const auto head = [&](const char* least_id) {
            const char* const field = layout == RedisLayout::fields ? "device_id"
                                      : layout == RedisLayout::json ? "json"
                                                                    : "n";
            return Commands(layout == RedisLayout::packed ? 1 : 2,
                            Command{"XADD", "telemetry", "MINID", "~", least_id, "*", field});
        };
        EXPECT_EQ(trimmed_by_age(*encoder, 1'700'003'600'000), head("1700000000000"));
        EXPECT_EQ(trimmed_by_age(*encoder, 1'700'003'600'001), head("1700000000001"));
        EXPECT_EQ(trimmed_by_age(*encoder, 5), head("0")) << "before the first hour of 1970";
    }
}

TEST(Encoders, FillABatchToItsEndAndNoFurther) {
    for (const RedisLayout layout : {RedisLayout::fields, RedisLayout::json, RedisLayout::list, RedisLayout::packed}) {
        const auto encoder = sinks::make_redis_encoder({.layout = layout});
        ArenaBatch batch(limits::batch_arena_bytes_max);
        std::uint32_t count = 0;
        while (encoder->append(batch.batch, reference())) ++count;
        const Batch::Mark full = batch.batch.mark();
        EXPECT_FALSE(encoder->append(batch.batch, reference()));
        EXPECT_EQ(batch.batch.mark().end, full.end);
        EXPECT_EQ(batch.batch.sample_count(), count);
        encoder->seal(batch.batch);
        const Commands commands = commands_of(batch.wire());
        EXPECT_EQ(commands.size(), batch.batch.command_count());
        EXPECT_LE(commands.size(), limits::batch_commands_count_max);
        EXPECT_EQ(commands.size(), layout == RedisLayout::packed ? 1u : limits::batch_commands_count_max);
    }
}

TEST(Encoders, TheLargestSampleFitsTheSmallestEmptyBatch) {
    std::vector<Member> others(limits::members_count_max - 3, Member{"member.", ""});
    const std::string value(limits::sample_bytes_max - 128 * 3 - others.size() * 7 - 20, 'v');
    const std::string id(limits::device_id_bytes_max, 'd');
    const std::string type(limits::type_bytes_max, 't');
    const std::string raw(limits::sample_bytes_max, 'r');
    Sample sample = sample_of({.device_id = id,
                               .timestamp_ns = 9'223'372'036'854'775'807,
                               .type = type,
                               .value = value,
                               .others = others,
                               .raw = raw});
    sample.value_kind = ValueKind::string;
    for (const RedisLayout layout : {RedisLayout::fields, RedisLayout::json, RedisLayout::list, RedisLayout::packed}) {
        const auto encoder = sinks::make_redis_encoder({.layout = layout,
                                                        .stream = std::string(limits::stream_name_bytes_max - 6, 's'),
                                                        .partitions_count = 256,
                                                        .maxlen_count = ~std::uint64_t{0}});
        ArenaBatch batch(limits::batch_arena_bytes_min);
        EXPECT_TRUE(encoder->append(batch.batch, sample));
        const auto aged = sinks::make_redis_encoder({.layout = layout,
                                                     .stream = std::string(limits::stream_name_bytes_max - 6, 's'),
                                                     .partitions_count = 256,
                                                     .maxage_ms = 1,
                                                     .wall_ms = [] { return ~std::uint64_t{0}; }});
        ArenaBatch other(limits::batch_arena_bytes_min);
        EXPECT_TRUE(aged->append(other.batch, sample));
    }
}

TEST(Encoders, NameTheTenantWhoseFieldNobodyCanForge) {
    const Member forged{"tenant", "other"};
    Sample sample = reference();
    sample.others = {&forged, 1};
    const auto value_of = [](const Command& command, std::string_view name) {
        const auto field = std::ranges::find(command, name);
        return field == command.end() ? std::string("none") : *(field + 1);
    };
    EXPECT_EQ(value_of(commands_of(render(sample))[0], "tenant"), "other") << "without tenants it is a member";
    sample.tenant = "acme";
    const Command command = commands_of(render(sample, {.has_tenants = true}))[0];
    EXPECT_EQ(value_of(command, "tenant"), "acme");
    EXPECT_EQ(value_of(command, "member.tenant"), "other");
}

TEST(Encoders, WriteToTheStreamOfTheTenant) {
    Sample sample = reference();
    for (const RedisLayout layout : {RedisLayout::fields, RedisLayout::json, RedisLayout::list, RedisLayout::packed}) {
        const RedisLayoutSettings settings{.layout = layout,
                                           .partitions_count = 2,
                                           .has_tenants = true,
                                           .tenant_streams = {"t.a", "t.b"},
                                           .has_lane_per_partition = true};
        const auto keys = sinks::keys_of_partitions(settings);
        const bool is_list = layout == RedisLayout::list;
        ASSERT_EQ(keys.size(), is_list ? 3u : 6u);
        const auto encoder = sinks::make_redis_encoder(settings);
        ASSERT_EQ(encoder->lane_count(), keys.size());
        for (std::uint16_t stream = 0; stream < 3; ++stream) {
            sample.stream_index = stream;
            ArenaBatch batch;
            batch.batch.lane = static_cast<std::uint16_t>(encoder->lane_of(sample));
            ASSERT_TRUE(encoder->append(batch.batch, sample));
            encoder->seal(batch.batch);
            EXPECT_EQ(commands_of(batch.wire())[0][1], keys[batch.batch.lane]);
            const std::uint32_t partition = sinks::partition_of(sample.device_id, 2);
            const std::array<std::string, 3> names{is_list ? "telemetry_queue" : "telemetry", "t.a", "t.b"};
            EXPECT_EQ(keys[batch.batch.lane],
                      is_list ? names[stream] : names[stream] + ":{" + std::to_string(partition) + "}");
        }
    }
}

TEST(Encoders, TakeOtherStreamsWhereTheyHaveOneLane) {
    Sample sample = reference();
    sample.stream_index = 1;
    const auto encoder =
        sinks::make_redis_encoder({.layout = RedisLayout::fields, .has_tenants = true, .tenant_streams = {"t.a"}});
    const std::vector<std::string> streams{"t.b", "t.a"};
    encoder->use_streams(streams);
    ArenaBatch batch;
    ASSERT_TRUE(encoder->append(batch.batch, sample));
    EXPECT_EQ(commands_of(batch.wire())[0][1], "t.b");
}

TEST(Encoders, AllocateNothing) {
    if (!can_count_allocations()) GTEST_SKIP() << "does not apply: allocations cannot be counted under a sanitizer";
    for (const RedisLayout layout : {RedisLayout::fields, RedisLayout::json, RedisLayout::list, RedisLayout::packed}) {
        const auto encoder = sinks::make_redis_encoder({.layout = layout, .partitions_count = 3});
        ArenaBatch batch;
        const std::uint64_t before_count = allocations_count();
        for (int i = 0; i < 100; ++i) ASSERT_TRUE(encoder->append(batch.batch, reference()));
        encoder->seal(batch.batch);
        EXPECT_EQ(allocations_count() - before_count, 0u);
    }
}

TEST(Partitions, AreStableForEver) {
    EXPECT_EQ(sinks::device_hash(""), 0xcbf29ce484222325u ^ 0xcbf29ce4u);
    EXPECT_EQ(sinks::device_hash("a"), 0xaf63dc4c8601ec8cu ^ 0xaf63dc4cu);  // FNV-1a test vector, folded
    EXPECT_EQ(sinks::partition_of("sensor-17", 1), 0u);
}

TEST(Partitions, SpreadNumberedDevicesEvenly) {
    constexpr std::uint32_t partitions_count = 16;
    std::array<int, partitions_count> devices{};
    for (int i = 0; i < 16'000; ++i) ++devices[sinks::partition_of("sensor-" + std::to_string(i), partitions_count)];
    for (const int count : devices) EXPECT_NEAR(count, 1000, 150);
}

}  // namespace
}  // namespace sluice::tests
