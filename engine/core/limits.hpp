// The fixed bounds on what comes from outside (bytes, members, headers, addresses) and on what the engine holds for it
// (memory, queues, tables, connections, files) that several places share or that relate to others, and how they relate.
//
// Bounds that an operator may choose are configuration keys (engine/config/keys.cpp). A key's own minimum or maximum
// stands here where code or another bound depends on it, so that the asserts at the end hold for every legal
// configuration; else it stands with the key.
//
// Beside their only user stand bounds on which nothing else depends, and, with the reason for the figure:
// - durations: intervals, patience, back-off. They are the policy of one file and bound nothing that others hold;
// - work per turn: how many events, receives or records one pass of a loop takes before it looks elsewhere;
// - sizes that a protocol, a file format, the kernel or an algorithm fixes: hash slots, record headers, table geometry;
// - bounds that follow by arithmetic from one here.
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
inline constexpr std::size_t name_setting_bytes_max = 128;  // of a tag or label that a setting names
// One record as it came, all members and white space included.
inline constexpr std::size_t sample_bytes_max = 16 * kib;
// Members of one JSON object: of the sample itself, of `values`, of an object within `metadata`.
inline constexpr std::size_t members_count_max = 64;
// Values of one sample: a line of Telegraf often has 100 to 300 fields.
inline constexpr std::size_t values_count_max = 1024;
// Objects and arrays within each other, the sample's own object being level 1.
inline constexpr std::size_t json_depth_max = 32;

// What simdjson indexes of a body at once. The index, 4 bytes a byte, stays in the L2 cache.
inline constexpr std::size_t decode_window_bytes = 64 * kib;
// How long one iteration of a reactor's loop reads bodies, from its begin. Longer ones go on in the next, so that small
// requests do not wait for them. At least the second is read, also where the iteration was long for other reasons.
inline constexpr std::uint64_t decode_turn_ns = 1'000'000;
inline constexpr std::uint64_t decode_turn_ns_min = 100'000;

// --- a request ----------------------------------------------------------------------------------
inline constexpr std::size_t method_bytes_max = 32;  // longer than any known one: UPDATEREDIRECTREF has 17
// RFC 9112 section 3 recommends 8,000 bytes at least for a whole request line.
inline constexpr std::size_t request_target_bytes_max = 8 * kib;
// All bytes of a request that are not data of its body, as they arrive: request line, header lines, blanks, chunk
// sizes, chunk extensions, trailers.
inline constexpr std::size_t request_head_bytes_max = 16 * kib;
// What each chunk but the first adds to it: a size of 8 digits with its CRLF, the CRLF of the chunk before, and some.
inline constexpr std::size_t chunk_framing_bytes = 16;
inline constexpr std::size_t request_headers_count_max = 100;  // trailers included
// CRLFs in front of a request line (RFC 9112 section 2.2: one at least should be ignored).
inline constexpr std::size_t empty_lines_count_max = 8;
inline constexpr std::size_t request_body_bytes_min = 64 * kib;  // smallest value of http.body_max
inline constexpr std::size_t request_body_bytes_max = 64 * mib;  // largest value of http.body_max
// Head of a response: status line, date, what the renderer adds, and the headers that its owner gives.
inline constexpr std::size_t response_head_bytes_max = 4 * kib;
// Readable bytes behind a request body, whose values do not matter: simdjson reads ahead (SIMDJSON_PADDING).
inline constexpr std::size_t body_padding_bytes = 64;
inline constexpr std::size_t body_block_bytes_min = 16 * kib;  // smallest block of memory for a body
// Of an Idempotency-Key, unescaped. The draft's own examples are UUIDs (36 bytes).
inline constexpr std::size_t idempotency_key_bytes_max = 128;
// With the number of the tenant in front of it, whose key it is.
inline constexpr std::size_t scoped_idempotency_key_bytes_max = idempotency_key_bytes_max + 2;
// Refused records that an answer lists one by one; the rest are only counted.
inline constexpr std::size_t record_errors_count_max = 100;
// Requests of one connection that wait for their acknowledgement at the same time (pipelining).
inline constexpr std::size_t pending_per_connection_count_max = 128;
// Of the body of a request that was refused by its head: what may still come is read and discarded up to here, so that
// the connection stays usable. Beyond, a new connection costs both sides less than the rest of the body.
inline constexpr std::size_t refused_body_bytes_max = 64 * kib;
// Largest Retry-After that the engine works out by itself: an outage may end at any time.
inline constexpr std::uint64_t retry_after_s_max = 60;
inline constexpr std::uint64_t retry_after_setting_s_max = 3600;  // largest value of retry_after

// --- a server: an event loop with its connections -----------------------------------------------
inline constexpr std::size_t connections_count_max = 64 * 1024;  // largest value of http.connections_max
// Requests of all connections that wait for their acknowledgement.
inline constexpr std::uint32_t pendings_count_max = 32 * 1024;
// Unsent response bytes at which a connection stops reading requests.
inline constexpr std::size_t output_high_water_bytes = 64 * kib;
// Unsent responses of all connections: 64 MiB.
inline constexpr std::size_t output_block_bytes = 8 * kib;
inline constexpr std::size_t output_blocks_count_max = 8192;
// Connections that the kernel completes before they are accepted; it is cut to net.core.somaxconn.
inline constexpr int listen_backlog_count = 4096;
inline constexpr std::size_t ring_entries_count_max = 32 * 1024;  // IORING_MAX_ENTRIES
inline constexpr std::size_t receive_buffer_bytes_max = 1 * mib;  // largest value of io.receive_buffer
inline constexpr std::size_t receive_buffers_count_max = 32 * 1024;  // the kernel's limit of a buffer ring

// --- TLS ----------------------------------------------------------------------------------------
// Sealed bytes of all connections of a server on their way to clients: a block holds what was sealed of one output
// block, a record of it (RFC 8446 section 5.2: 5 bytes of header, 1 of type, 16 of tag; 8 more in TLS 1.2).
inline constexpr std::size_t cipher_block_bytes = output_block_bytes + 64;
inline constexpr std::size_t cipher_blocks_count_max = 8192;
// State changes of handshakes in one iteration of a loop: a full handshake costs up to 1 ms of CPU (RSA-2048).
inline constexpr std::uint32_t handshake_steps_count_max = 4;
// What a client may send before its handshake's turn comes; more is no handshake, or a body that is sent too early.
inline constexpr std::size_t handshake_waiting_bytes_max = 1 * mib;
inline constexpr std::size_t tls_file_bytes_max = 1 * mib;  // a certificate chain, a key, CAs, a revocation list
inline constexpr std::size_t tls_record_bytes_max = 16 * kib;  // plain bytes of a record (RFC 8446 section 5.1)
// --- tenants ------------------------------------------------------------------------------------
inline constexpr std::size_t tenants_count_max = 1024;  // each is a value of a label in /metrics
inline constexpr std::size_t tenant_name_bytes_max = 32;
inline constexpr std::size_t tokens_per_tenant_count_max = 8;
inline constexpr std::size_t networks_per_tenant_count_max = 64;
inline constexpr std::size_t quota_addresses_count_max = 16 * 1024;  // whose quotas are remembered, about 1 MiB
inline constexpr std::size_t dead_letter_raw_bytes_max = 4 * kib;  // of a refused record, that is kept
inline constexpr std::size_t certificates_per_tenant_count_max = 64;
inline constexpr std::size_t certificate_name_bytes_max = 256;
inline constexpr std::size_t policy_elements_count_max = 256;  // of each list of a tenant: types, members, ranges
// Streams of tenants where each needs a batch of its own: in the layout packed, and in a cluster.
inline constexpr std::size_t tenant_lanes_count_max = 64;
// Of the value of Authorization or X-Api-Key: a token has 56 bytes, those of other systems up to some 700.
inline constexpr std::size_t credential_header_bytes_max = 1 * kib;

// --- the admin server ---------------------------------------------------------------------------
inline constexpr std::size_t admin_body_bytes_max = 64 * kib;
inline constexpr std::size_t admin_body_memory_bytes = 4 * mib;
// A scrape, a browser, an operator and a load balancer's checks; more wait in the backlog.
inline constexpr std::size_t admin_connections_count_max = 256;

// --- a batch ------------------------------------------------------------------------------------
inline constexpr std::size_t batch_arena_bytes_min = 32 * kib;
inline constexpr std::size_t batch_arena_bytes_max = 1 * mib;
// Room in front of the first command, where the `packed` layout renders its header when it seals a batch.
inline constexpr std::size_t batch_headroom_bytes = 512;
inline constexpr std::size_t batch_commands_count_max = 1024;
inline constexpr std::size_t batch_tickets_count_max = 512;
inline constexpr std::size_t batches_per_reactor_count_max = 4096;
inline constexpr std::size_t pipeline_depth_count_max = 64;  // largest value of batch.pipeline_depth

// --- the engine ---------------------------------------------------------------------------------
inline constexpr std::size_t reactors_count_max = 256;
inline constexpr std::size_t listen_addresses_count_max = 16;  // of `listen`
inline constexpr std::size_t tls_listen_addresses_count_max = 8;  // of `tls.listen`
inline constexpr std::size_t metrics_listen_addresses_count_max = 4;  // of `admin.metrics_listen`
inline constexpr std::size_t listeners_count_max = 48;  // of one event loop
inline constexpr std::size_t trusted_networks_count_max = 64;  // of `proxy.trusted`
inline constexpr std::size_t cors_origins_count_max = 64;  // of `http.cors_origins`
inline constexpr std::size_t origin_bytes_max = 288;  // a host name of 253 bytes, its scheme and its port
inline constexpr unsigned core_number_max = 8191;  // CONFIG_NR_CPUS of the largest kernels is 8192
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
inline constexpr std::size_t instance_file_bytes_max = 4 * kib;

// --- configuration and log ----------------------------------------------------------------------
inline constexpr std::size_t config_file_bytes_max = 1 * mib;
inline constexpr std::uint64_t stream_age_s_max = 3650ull * 24 * 3600;  // that sink.redis.maxage may be
inline constexpr std::size_t credential_bytes_max = 4 * kib;  // a user name or password; cloud tokens reach 2 KiB
inline constexpr std::size_t host_name_bytes_max = 253;  // RFC 1035, section 2.3.4, as written text
inline constexpr std::size_t unix_socket_path_bytes_max = 107;  // sockaddr_un::sun_path with its final NUL
inline constexpr std::size_t url_servers_count_max = 16;  // of a cluster or of sentinels, to begin with
inline constexpr std::uint64_t redis_database_max = 65535;
inline constexpr std::size_t log_value_bytes_max = 256;  // of one field, before escaping
inline constexpr std::size_t log_queue_bytes_max = 256 * kib;  // of lines that wait for the reader of stderr
// How much of what a user wrote a sentence about it shows.
inline constexpr std::size_t shown_bytes_max = 64;

// --- the journal --------------------------------------------------------------------------------
inline constexpr std::size_t journal_segment_bytes_min = 2 * mib;
inline constexpr std::size_t journal_segment_bytes_max = 1024 * mib;
inline constexpr std::size_t journal_bytes_max = 16 * 1024 * (1024 * mib);
inline constexpr std::size_t directory_path_bytes_max = 4095;  // PATH_MAX without its final NUL
inline constexpr std::size_t journal_read_buffer_bytes = 128 * kib;
inline constexpr std::size_t journal_notes_count_max = 20;  // of damage found at start, one by one in the log

// --- a sink connection --------------------------------------------------------------------------
// Batches that a sink holds, sent or not; more wait in its queue.
inline constexpr std::size_t sink_window_batches_count_max = 16;
// Batches of one transaction (exactly once): half the window, so that the next fill while one is under way.
inline constexpr std::size_t transaction_batches_count_max = sink_window_batches_count_max / 2;
// Read from Redis at once, and the longest reply that can be one to our commands.
inline constexpr std::size_t redis_receive_bytes = 64 * kib;
inline constexpr std::size_t redis_reply_bytes_max = sample_bytes_max + 1 * kib;  // XINFO shows two entries
inline constexpr std::size_t redis_error_bytes_max = 200;  // of an error of Redis, as logs and /status show it
inline constexpr std::size_t replicas_count_max = 64;  // largest value of sink.redis.replicas

// --- how they relate ----------------------------------------------------------------------------
// What rendering adds to a sample at most: `$<len>\r\n…\r\n` twice for each member (2 × 14 bytes), the
// command's own words with the key, the entry's ID, and the fixed field names.
inline constexpr std::size_t encoding_overhead_bytes_max =
    members_count_max * 32 + stream_name_bytes_max + 1 * kib + 64 + tenant_name_bytes_max;

// A sample on its way: body, record, batch, segment, reply.
static_assert(request_body_bytes_min >= sample_bytes_max, "a body of one sample must be allowed");
static_assert(decode_window_bytes > sample_bytes_max, "a line that fits no window must be too large anyway");
static_assert(device_id_bytes_max + type_bytes_max + unit_bytes_max < sample_bytes_max);
static_assert(sample_bytes_max + encoding_overhead_bytes_max + batch_headroom_bytes <= batch_arena_bytes_min,
              "any legal sample must fit into an empty batch of any legal size");
static_assert(batch_arena_bytes_max + 4 * kib <= journal_segment_bytes_min, "any batch must fit into an empty segment");
static_assert(journal_bytes_max >= 2 * journal_segment_bytes_max, "a journal of the largest segments must hold two");
static_assert(journal_read_buffer_bytes > 2 * sample_bytes_max, "a reader must hold a record and look behind it");
static_assert(redis_reply_bytes_max <= redis_receive_bytes, "any reply must fit into what is read at once");

// A request and its connection.
static_assert(idempotency_key_bytes_max < request_head_bytes_max);
static_assert(request_target_bytes_max < request_head_bytes_max);
static_assert(body_padding_bytes < body_block_bytes_min && body_block_bytes_min <= request_body_bytes_min);
static_assert(refused_body_bytes_max <= request_body_bytes_min,
              "reading a refused body must not cost more than a body");
static_assert(admin_body_memory_bytes >= 16 * admin_body_bytes_max, "one body must not use up the memory of all");
static_assert(retry_after_s_max <= retry_after_setting_s_max, "what the engine works out must be a legal setting");

// What connections share: one of them must not use up what all need.
static_assert(pendings_count_max >= 256 * pending_per_connection_count_max,
              "hundreds of connections must be able to pipeline as deep as one may");
static_assert(pendings_count_max >= 2 * 16 * kib, "a request of each of the default http.connections_max, twice over");
static_assert(output_high_water_bytes >= 4 * output_block_bytes, "a connection must fill blocks before it stops");
static_assert(output_blocks_count_max * output_block_bytes >= 512 * output_high_water_bytes,
              "hundreds of clients that read nothing must leave room for others");
static_assert(admin_connections_count_max <= connections_count_max);
static_assert(pending_per_connection_count_max <= batch_tickets_count_max,
              "the pipelined requests of one connection must fit the tickets of one batch");

// What reactors and sinks share.
static_assert(pipeline_depth_count_max >= sink_window_batches_count_max, "one reactor must be able to fill a window");
static_assert(pipeline_depth_count_max < batches_per_reactor_count_max);
static_assert(transaction_batches_count_max >= 1 && 2 * transaction_batches_count_max <= sink_window_batches_count_max,
              "the next transaction must fill while one is under way");
static_assert(owned_stream_key_bytes_max < stream_key_bytes_max && owned_stream_key_bytes_max >= 32);
static_assert(2 * (listen_addresses_count_max + tls_listen_addresses_count_max) <= listeners_count_max,
              "a reactor listens on every address of `listen` and `tls.listen`, in both families");
static_assert(2 * (1 + metrics_listen_addresses_count_max) <= listeners_count_max,
              "the admin thread listens on admin.listen and admin.metrics_listen, in both families");
static_assert(reactors_count_max <= core_number_max + 1 && reactors_count_max <= 64 * kib, "its index has 16 bits");

}  // namespace sluice::limits
