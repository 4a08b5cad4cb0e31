// What a cluster sink knows of slots: keys to slots, replies and redirects to owners.
// runs: release asan
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/redis/cluster/redirect.hpp"
#include "sinks/redis/cluster/slot.hpp"
#include "sinks/redis/cluster/slot_map.hpp"
#include "sinks/redis/layout/encoder.hpp"

namespace sluice::sinks::redis {
namespace {

using Reply = std::unique_ptr<redisReply, void (*)(void*)>;

// The values that Redis itself gives (Redis Cluster specification, appendix A; CLUSTER KEYSLOT).
TEST(ClusterSlot, OfKeys) {
    EXPECT_EQ(crc16("123456789"), 0x31C3);
    EXPECT_EQ(crc16(""), 0);
    EXPECT_EQ(slot_of("foo"), 12182);
    EXPECT_EQ(slot_of("somekey"), 11058);
    EXPECT_EQ(slot_of("foo{hash_tag}"), 2515);
    EXPECT_EQ(slot_of("telemetry:{7}"), slot_of("7"));
}

// The specification's examples, "Hash tags".
TEST(ClusterSlot, HashTags) {
    EXPECT_EQ(hash_tag("{user1000}.following"), "user1000");
    EXPECT_EQ(hash_tag("foo{}{bar}"), "foo{}{bar}");
    EXPECT_EQ(hash_tag("foo{{bar}}zap"), "{bar");
    EXPECT_EQ(hash_tag("foo{bar}{zap}"), "bar");
    EXPECT_EQ(hash_tag("foo{bar"), "foo{bar");
    EXPECT_EQ(hash_tag("foo}{bar"), "foo}{bar");
    EXPECT_EQ(hash_tag("plain"), "plain");
}

TEST(ClusterSlot, Redirects) {
    using Kind = Redirect::Kind;
    struct Row {
        const char* text;
        Kind kind;
        std::uint16_t slot = 0;
        ServerAddress to{};
    };
    const Row rows[] = {
        {"MOVED 3999 127.0.0.1:6381", Kind::moved, 3999, {"127.0.0.1", 6381}},
        {"MOVED 0 :6381", Kind::moved, 0, {"", 6381}},
        {"MOVED 16383 ::1:7000", Kind::moved, 16383, {"::1", 7000}},
        {"MOVED 16384 h:1", Kind::wait},
        {"MOVED 1 h:0", Kind::wait},
        {"MOVED 1 h:65536", Kind::wait},
        {"MOVED 1 ?:6381", Kind::wait},
        {"MOVED 1 h", Kind::wait},
        {"MOVED x h:1", Kind::wait},
        {"MOVED", Kind::wait},
        {"ASK 3999 node-2:6381", Kind::ask, 3999, {"node-2", 6381}},
        {"TRYAGAIN Multiple keys request during rehashing of slot", Kind::wait},
        {"CLUSTERDOWN The cluster is down", Kind::wait},
        {"LOADING Redis is loading the dataset in memory", Kind::wait},
        {"OOM command not allowed when used memory > 'maxmemory'.", Kind::none},
        {"MOVEDX 1 h:1", Kind::none},
        {"", Kind::none},
    };
    for (const Row& row : rows) {
        const Redirect redirect = redirect_of(row.text);
        EXPECT_EQ(redirect.kind, row.kind) << row.text;
        EXPECT_EQ(redirect.slot, row.slot) << row.text;
        EXPECT_EQ(redirect.to, row.to) << row.text;
    }
}

Reply parse(const std::string& resp) {
    const std::unique_ptr<redisReader, void (*)(redisReader*)> reader(redisReaderCreate(), redisReaderFree);
    void* object = nullptr;
    EXPECT_EQ(redisReaderFeed(reader.get(), resp.data(), resp.size()), REDIS_OK);
    EXPECT_EQ(redisReaderGetReply(reader.get(), &object), REDIS_OK);
    return {static_cast<redisReply*>(object), freeReplyObject};
}

TEST(SlotMapOfReplies, TakesOwnersAndLeavesGaps) {
    const auto map =
        SlotMap::from(*parse("*4\r\n"
                             "*4\r\n:0\r\n:99\r\n*3\r\n$8\r\n10.0.0.1\r\n:7000\r\n$2\r\nid\r\n*2\r\n$1\r\nr\r\n:1\r\n"
                             "*3\r\n:100\r\n:100\r\n*2\r\n$-1\r\n:7001\r\n"
                             "*3\r\n:101\r\n:101\r\n*2\r\n$0\r\n\r\n:7002\r\n"
                             "*3\r\n:200\r\n:300\r\n*2\r\n$1\r\n?\r\n:7003\r\n"),
                      {"asked", 1});
    ASSERT_TRUE(map) << map.error();
    EXPECT_EQ(*map->owner(0), (ServerAddress{"10.0.0.1", 7000}));
    EXPECT_EQ(*map->owner(99), (ServerAddress{"10.0.0.1", 7000}));
    EXPECT_EQ(*map->owner(100), (ServerAddress{"asked", 7001}));
    EXPECT_EQ(*map->owner(101), (ServerAddress{"asked", 7002}));
    EXPECT_EQ(map->owner(102), nullptr);
    EXPECT_EQ(map->owner(200), nullptr) << "a name that the node does not know";
    EXPECT_EQ(map->owner(16383), nullptr);
    EXPECT_EQ(map->primaries().size(), 3u);
    EXPECT_EQ(map->replicas(), (std::vector<ServerAddress>{{"r", 1}}));
}

TEST(SlotMapOfReplies, RefusesWhatIsNone) {
    for (const char* resp :
         {"+OK\r\n", "*0\r\n", "*1\r\n:1\r\n", "*1\r\n*2\r\n:0\r\n:1\r\n",
          "*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\nh\r\n:1\r\n", "*1\r\n*3\r\n:-1\r\n:5\r\n*2\r\n$1\r\nh\r\n:1\r\n",
          "*1\r\n*3\r\n:0\r\n:5\r\n*2\r\n$1\r\nh\r\n:70000\r\n"})
        EXPECT_FALSE(SlotMap::from(*parse(resp), {"asked", 1})) << resp;
}

TEST(SlotMapOfReplies, ChangesOwners) {
    SlotMap map;
    map.set_owner(5, {"a", 1});
    map.set_owner(6, {"b", 2});
    map.set_owner(5, {"b", 2});
    EXPECT_EQ(*map.owner(5), (ServerAddress{"b", 2}));
    EXPECT_EQ(map.primaries().size(), 2u);
}

// The sink computes slots from these keys, the encoder writes to its own: they must be the same.
TEST(ClusterLanes, EachLaneWritesToItsKey) {
    using Layout = RedisLayout;
    for (const Layout layout : {Layout::fields, Layout::json, Layout::list, Layout::packed}) {
        const RedisLayoutSettings settings{.layout = layout, .partitions_count = 5, .has_lane_per_partition = true};
        const auto keys = keys_of_partitions(settings);
        const auto encoder = make_redis_encoder(settings);
        ASSERT_EQ(encoder->lane_count(), keys.size());
        EXPECT_EQ(keys.size(), layout == Layout::list ? 1u : 5u);
        EXPECT_EQ(encoder->lanes_are_independent(), layout != Layout::list);
        for (int device = 0; device < 50; ++device) {
            const std::string id = "device-" + std::to_string(device);
            Sample sample;
            sample.device_id = id;
            sample.type = "t";
            sample.value = "1";
            sample.raw = "{}";
            std::vector<char> arena(limits::batch_arena_bytes_min);
            Batch batch;
            batch.bind(arena, 0);
            batch.lane = static_cast<std::uint16_t>(encoder->lane_of(sample));
            ASSERT_TRUE(encoder->append(batch, sample));
            encoder->seal(batch);
            const std::string_view wire(batch.bytes().data(), batch.bytes().size());
            const std::string& key = keys[batch.lane];
            EXPECT_NE(wire.find("$" + std::to_string(key.size()) + "\r\n" + key + "\r\n"), std::string_view::npos)
                << key;
        }
    }
}

}  // namespace
}  // namespace sluice::sinks::redis
