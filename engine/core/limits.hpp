// Every fixed bound of the engine, and how the bounds relate.
//
// Bounds that an operator may choose are configuration keys (engine/config/keys.cpp); their own
// minima and maxima stand here, so that the asserts at the end hold for every legal configuration.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::limits {

inline constexpr std::size_t kib = 1024;
inline constexpr std::size_t mib = 1024 * kib;

// --- a sample -----------------------------------------------------------------------------------
inline constexpr std::size_t device_id_bytes_max = 128;
inline constexpr std::size_t type_bytes_max = 128;
inline constexpr std::size_t unit_bytes_max = 64;
// One record as it came, all members and white space included.
inline constexpr std::size_t sample_bytes_max = 16 * kib;
// Members of one JSON object: of the sample itself, of `values`, of an object within `metadata`.
inline constexpr std::size_t members_count_max = 64;
// Objects and arrays within each other, the sample's own object being level 1.
inline constexpr std::size_t json_depth_max = 32;

// --- a request ----------------------------------------------------------------------------------
inline constexpr std::size_t request_target_bytes_max = 2 * kib;
// All header lines of a request, names, values and separators.
inline constexpr std::size_t request_header_bytes_max = 16 * kib;
inline constexpr std::size_t request_headers_count_max = 100;
inline constexpr std::size_t request_body_bytes_min = 64 * kib;    // smallest value of http.body_max
inline constexpr std::size_t request_body_bytes_max = 64 * mib;    // largest value of http.body_max
// Of an Idempotency-Key, unescaped. The draft's own examples are UUIDs (36 bytes).
inline constexpr std::size_t idempotency_key_bytes_max = 128;
// Refused records that an answer lists one by one; the rest are only counted.
inline constexpr std::size_t record_errors_count_max = 100;
// Requests of one connection that wait for their acknowledgement at the same time (pipelining).
inline constexpr std::size_t pending_per_connection_count_max = 128;
// Of the body of a request that was refused by its head: what may still come is read and discarded up to here, so that
// the connection stays usable. Beyond, a new connection costs both sides less than the rest of the body.
inline constexpr std::size_t refused_body_bytes_max = 64 * kib;
// Largest Retry-After that the engine works out by itself: an outage may end at any time.
inline constexpr std::uint64_t retry_after_s_max = 60;

// --- a batch ------------------------------------------------------------------------------------
inline constexpr std::size_t batch_arena_bytes_min = 32 * kib;
inline constexpr std::size_t batch_arena_bytes_default = 64 * kib;
inline constexpr std::size_t batch_arena_bytes_max = 1 * mib;
// Room in front of the first command, where the `packed` layout renders its header when it seals a batch.
inline constexpr std::size_t batch_headroom_bytes = 512;
inline constexpr std::size_t batch_commands_count_max = 1024;
inline constexpr std::size_t batch_tickets_count_max = 512;
inline constexpr std::size_t batches_per_reactor_count_max = 4096;

// --- the engine ---------------------------------------------------------------------------------
inline constexpr std::size_t reactors_count_max = 256;
inline constexpr std::size_t listeners_count_max = 16;  // of one event loop
inline constexpr std::size_t sinks_count_max = 64;
// Descriptors that reactors on epoll leave free, so that a flood of clients locks neither the admin endpoints nor a
// sink's reconnection out; under RLIMIT_NOFILE < 4 × this, a quarter of that.
inline constexpr std::uint32_t spare_descriptors_count = 64;
inline constexpr std::size_t partitions_count_max = 256;
inline constexpr std::size_t idempotency_keys_count_max = std::size_t{4} * 1024 * 1024;  // about 1 GiB
inline constexpr std::size_t stream_name_bytes_max = 128;  // with the partition behind it
inline constexpr std::size_t stream_key_bytes_max = stream_name_bytes_max - sizeof(":{255}");
// With exactly_once: the configured part of an instance's name, the name with its 8 random digits, and the
// stream key in front of `:{255}:<instance>`.
inline constexpr std::size_t instance_base_bytes_max = 40;
inline constexpr std::size_t instance_bytes_max = instance_base_bytes_max + sizeof("-01234567") - 1;
inline constexpr std::size_t owned_stream_key_bytes_max = stream_key_bytes_max - 1 - instance_bytes_max;
inline constexpr std::size_t entry_id_bytes_max = 20 + 1 + 20;  // two 64-bit numbers

// --- configuration and log ----------------------------------------------------------------------
inline constexpr std::size_t config_file_bytes_max = 1 * mib;
inline constexpr std::size_t credential_bytes_max = 4 * kib;  // a user name or password; cloud tokens reach 2 KiB
inline constexpr std::size_t host_name_bytes_max = 253;  // RFC 1035, section 2.3.4, as written text
inline constexpr std::size_t unix_socket_path_bytes_max = 107;  // sockaddr_un::sun_path with its final NUL
inline constexpr std::size_t url_servers_count_max = 16;  // of a cluster or of sentinels, to begin with
inline constexpr std::size_t log_value_bytes_max = 256;  // of one field, before escaping

// --- the journal --------------------------------------------------------------------------------
inline constexpr std::size_t journal_segment_bytes_min = 2 * mib;
inline constexpr std::size_t journal_segment_bytes_max = 1024 * mib;
inline constexpr std::size_t journal_bytes_max = 16 * 1024 * (1024 * mib);
inline constexpr std::size_t directory_path_bytes_max = 4095;  // PATH_MAX without its final NUL

// --- a sink connection --------------------------------------------------------------------------
// Batches that a sink holds, sent or not; more wait in its queue.
inline constexpr std::size_t sink_window_batches_count_max = 16;
// Batches of one transaction (exactly once): half the window, so that the next fill while one is under way.
inline constexpr std::size_t transaction_batches_count_max = sink_window_batches_count_max / 2;
// Read from Redis at once, and the longest reply that can be one to our commands.
inline constexpr std::size_t redis_receive_bytes = 64 * kib;
inline constexpr std::size_t redis_reply_bytes_max = sample_bytes_max + 1 * kib;  // XINFO shows two entries

// --- how they relate ----------------------------------------------------------------------------
// What rendering adds to a sample at most: `$<len>\r\n…\r\n` twice for each member (2 × 14 bytes), the
// command's own words with the key, the entry's ID, and the fixed field names.
inline constexpr std::size_t encoding_overhead_bytes_max =
    members_count_max * 32 + stream_name_bytes_max + 1 * kib + 64;

static_assert(sample_bytes_max + encoding_overhead_bytes_max + batch_headroom_bytes <= batch_arena_bytes_min,
              "any legal sample must fit into an empty batch of any legal size");
static_assert(batch_arena_bytes_max + 4 * kib <= journal_segment_bytes_min, "any batch must fit into an empty segment");
static_assert(request_body_bytes_min >= sample_bytes_max, "a body of one sample must be allowed");
static_assert(device_id_bytes_max + type_bytes_max + unit_bytes_max < sample_bytes_max);

}  // namespace sluice::limits
