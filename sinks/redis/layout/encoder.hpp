// The Redis encoders: one for each layout.
//
//   fields  XADD <stream> [trim] * device_id … ts <ns> [type … value … [unit …]] [values <JSON>]
//           [priority …] [metadata <JSON>] [value_type bool|string] [tenant …] [<other name> <other value>]…
//   json    XADD <stream> [trim] * json <the sample as received>
//   list    RPUSH <key> <the sample as received>
//   packed  XADD <stream> [trim] * n <samples> first_ts <ns> last_ts <ns> ndjson <lines>, one a batch
//
// `fields`: `true` and `"true"` are the same bytes, so a value that is no number has its kind beside it. An unknown
// member that is called `ts` or `value_type` (or `tenant`, where there are tenants) would look like the engine's own
// field, so it is written as `member.ts`;
// to keep that unambiguous, one that begins with `member.` gets the prefix too. `packed`: line feeds and carriage
// returns within a record (white space of pretty-printed JSON; inside a string they are always escaped) become spaces,
// so that a line is a record.
//
// [trim] is MAXLEN ~ <entries>, or MINID ~ <ms>: the engine's time less the greatest age, as of the batch's first
// sample. Redis takes one of them. With MINID the layout `packed` counts the age of batches.
//
// Partitions: with P > 1 the stream is `<stream>:{p}`, p by partition_of(device_id). The braces make each a
// Redis Cluster hash tag. `list` has one key.
//
// Exactly once: the key is `<stream>:{p}:<instance>` and the entry's ID is Sample::entry_id, where otherwise Redis
// gives one.
//
// Client bytes are only ever arguments behind a length: never a key, a command, or a field count.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/redis_layout.hpp"
#include "sinks/encoder.hpp"

namespace sluice::sinks {

struct RedisLayoutSettings {
    RedisLayout layout = RedisLayout::fields;
    std::string stream = "telemetry";  // at most limits::stream_name_bytes_max, `:{p}` included
    std::string list_key = "telemetry_queue";  // likewise
    std::uint32_t partitions_count = 1;  // 1 to limits::partitions_count_max
    std::uint64_t maxlen_count = 0;  // entries a stream is trimmed to, roughly; 0: never
    std::uint64_t maxage_ms = 0;  // age of entries that are trimmed, instead of maxlen_count; 0: never
    std::uint64_t (*wall_ms)() = nullptr;  // the time since 1970, with maxage_ms
    bool has_tenants = false;  // samples may have a tenant
    // Streams, or lists, of tenants' own: Sample::stream_index counts them from 1. Each has all partitions.
    std::vector<std::string> tenant_streams{};
    std::string instance{};  // who owns the streams, for exactly once; empty: shared by all
    // A batch holds commands of one partition, so of one slot: what a cluster needs.
    bool has_lane_per_partition = false;
};

// The key of a partition of `stream`.
[[nodiscard]] std::string stream_key(const RedisLayoutSettings& settings, std::string_view stream,
                                     std::uint32_t partition);
[[nodiscard]] std::string stream_key(const RedisLayoutSettings& settings, std::uint32_t partition);

// The keys that samples go to: all partitions of the stream of all, then those of each tenant's. Where each has a lane,
// in the order of the lanes.
[[nodiscard]] std::vector<std::string> keys_of_partitions(const RedisLayoutSettings& settings);

// One for each reactor. Settings were checked by the configuration; a broken one is a failed CHECK.
[[nodiscard]] std::unique_ptr<Encoder> make_redis_encoder(const RedisLayoutSettings& settings);

}  // namespace sluice::sinks
