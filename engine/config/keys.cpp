#include "engine/config/keys.hpp"

#include <algorithm>
#include <array>

#include "engine/core/check.hpp"
#include "engine/core/edit_distance.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/lower_case.hpp"
#include "engine/core/names_number.hpp"

namespace sluice::config {
namespace {

using limits::mib;
constexpr std::uint64_t us = 1'000, ms = 1'000 * us, s = 1'000 * ms, minute = 60 * s, hour = 60 * minute;

constexpr std::array<std::string_view, 2> wait_aof_words{"auto", "off"};
constexpr std::array<std::string_view, 3> io_backend_words{"auto", "io_uring", "epoll"};
static_assert(static_cast<std::size_t>(IoBackend::epoll) == io_backend_words.size() - 1);
constexpr std::array<std::string_view, 4> io_mode_words{"auto", "no_defer_taskrun", "no_multishot", "no_buffer_ring"};
static_assert(static_cast<std::size_t>(IoMode::no_buffer_ring) == io_mode_words.size() - 1);

constexpr std::array<std::string_view, 2> influx_precision_words{"ns", "auto"};

constexpr std::array<std::string_view, 3> tls_client_words{"off", "optional", "required"};
static_assert(static_cast<std::size_t>(TlsClient::required) == tls_client_words.size() - 1);
constexpr std::array<std::string_view, 2> quota_status_words{"503", "429"};
static_assert(static_cast<std::size_t>(QuotaStatus::too_many_requests) == quota_status_words.size() - 1);
constexpr std::array<std::string_view, 2> quota_headers_words{"refusals", "always"};
static_assert(static_cast<std::size_t>(QuotaHeaders::always) == quota_headers_words.size() - 1);
constexpr std::array<std::string_view, 2> proxy_protocol_words{"off", "v1v2"};
static_assert(static_cast<std::size_t>(ProxyProtocol::v1v2) == proxy_protocol_words.size() - 1);
constexpr std::array<std::string_view, 2> tls_version_words{"1.2", "1.3"};
static_assert(static_cast<std::size_t>(TlsVersion::tls_1_3) == tls_version_words.size() - 1);

constexpr std::size_t admin_origins_count_max = 16;

// Each has a context of some 100 KiB. Those who have more let a proxy end TLS.
constexpr std::size_t tls_pairs_count_max = 64;

// The accessor of a member of Config, for reading and for writing.
#define FIELD(member) ([](auto& config) -> auto& { return config.member; })

using enum Reload;

constexpr Property table[] = {
    {"listen", "127.0.0.1:8080", restart,
     "Addresses that take telemetry; :PORT for every interface, localhost for IPv4 and IPv6, port 0 for any free port",
     List<ListenAddress>{FIELD(listen), limits::listen_addresses_count_max, true}},
    {"cores", "auto", restart, "CPU cores that get a reactor each; auto: all that the process may use",
     Cores{FIELD(cores)}},
    {"ack", "stored", live,
     "What a 2xx means unless ?ack= says otherwise: samples are in memory (queued), on local disk (journaled), in "
     "Redis (stored), or also in replicas (replicated)",
     Choice<AckLevel>{FIELD(ack), ack_level_names}},
    {"ack_timeout", "5s", live, "How long a request waits to be stored before it is answered 503",
     Number{Unit::duration, 10 * ms, 10 * minute, FIELD(ack_timeout_ns)}},
    {"timestamp_past_max", "0s", restart, "How far a timestamp may lie before its arrival; 0s: no bound but 1970",
     Number{Unit::duration, 0, 100 * 365 * 24 * hour, FIELD(timestamp_past_ns_max)}},
    {"timestamp_future_max", "0s", restart, "How far a timestamp may lie behind its arrival; 0s: no bound but 2262",
     Number{Unit::duration, 0, 100 * 365 * 24 * hour, FIELD(timestamp_future_ns_max)}},
    {"drain_lame_duck", "0s", live,
     "How long a stopping engine still serves, while /ready answers 503 and connections end with their next answer",
     Number{Unit::duration, 0, hour, FIELD(drain_lame_duck_ns)}},
    {"drain_timeout", "10s", live, "How long a stopping engine answers and delivers what it has accepted",
     Number{Unit::duration, 0, hour, FIELD(drain_timeout_ns)}},
    {"retry_after", "1s", live, "Smallest Retry-After of a 503; grows up to 60 s with the time that the backlog takes",
     Number{Unit::duration_seconds, 1, limits::retry_after_setting_s_max, FIELD(retry_after_s)}},

    {"admin.listen", "127.0.0.1:8081", restart,
     "Address that serves /status, /metrics and the controls; may be one of listen", Address{FIELD(admin.listen)}},
    {"admin.metrics_listen", "", restart,
     "Addresses that serve GET /metrics, /ready and /health, without a token, and nothing else; none: no such listener",
     List<ListenAddress>{FIELD(admin.metrics_listen), limits::metrics_listen_addresses_count_max, true}},
    {"admin.origins", "", restart,
     "Origins of pages that may use the controls where their host is a name: https://ops.example; none: no such page",
     List<std::string>{FIELD(admin.origins), admin_origins_count_max, true}},
    {"admin.token_file", "", restart,
     "File with the token that /status, /metrics and the controls then need, or with its hash; empty: none is needed",
     Text{FIELD(admin.token_file), 0, limits::directory_path_bytes_max}},

    {"admin.tls", "false", restart,
     "Whether admin.listen and admin.metrics_listen speak TLS, with the certificates of tls.certificate",
     Flag{FIELD(admin.is_tls)}},

    {"log.level", "info", live, "Lowest level that is logged", Choice<LogLevel>{FIELD(log.level), log_level_names}},
    {"log.format", "logfmt", live, "Format of a log line", Choice<LogFormat>{FIELD(log.format), log_format_names}},

    {"http.body_max", "8MiB", restart, "Largest request body; more is answered 413",
     Number{Unit::size, limits::request_body_bytes_min, limits::request_body_bytes_max, FIELD(http.body_bytes_max)}},
    {"http.body_memory", "64MiB", restart,
     "Memory of each reactor for bodies that do not arrive in one receive buffer; at least http.body_max",
     Number{Unit::size, limits::request_body_bytes_min, std::uint64_t{16} * 1024 * mib, FIELD(http.body_memory_bytes)}},
    {"http.encodings", "gzip,zstd,deflate,snappy", restart,
     "Content-Encodings of request bodies that are taken beside identity; others are answered 415",
     List<ContentCoding>{FIELD(http.encodings), content_coding_names.size()}},
    {"http.compression_ratio_max", "200", restart,
     "How many times its size a compressed body may become, once it is over 1 MiB; more is answered 400; 0: no bound",
     Number{Unit::count, 0, 100'000, FIELD(http.compression_ratio_max)}},
    {"http.header_timeout", "10s", live, "How long the head of a request may take; then 408",
     Number{Unit::duration, 100 * ms, 10 * minute, FIELD(http.header_timeout_ns)}},
    {"http.body_timeout", "30s", live, "How long the body of a request may take; then 408",
     Number{Unit::duration, 100 * ms, 10 * minute, FIELD(http.body_timeout_ns)}},
    {"http.idle_timeout", "75s", live, "How long a connection may stay open between requests",
     Number{Unit::duration, 100 * ms, hour, FIELD(http.idle_timeout_ns)}},
    {"http.write_timeout", "30s", live, "How long a client may read nothing of the responses that wait for it",
     Number{Unit::duration, 100 * ms, 10 * minute, FIELD(http.write_timeout_ns)}},
    {"http.connections_max", "16384", restart, "Open connections of a reactor; more wait in the kernel's queue",
     Number{Unit::count, 1, limits::connections_count_max, FIELD(http.connections_count_max)}},
    {"http.connections_per_address_max", "0", restart,
     "Open connections of one address, of IPv6 of a /64; more are closed at once, but for those of proxy.trusted; 0: "
     "no bound",
     Number{Unit::count, 0, 1'000'000, FIELD(http.connections_per_address_count_max)}},
    {"http.cors_origins", "", restart,
     "Origins whose pages may send samples from a browser; an exact one each; none: no page may",
     List<Origin>{FIELD(http.cors_origins), limits::cors_origins_count_max, true}},

    {"proxy.trusted", "", restart,
     "Networks of proxies: only their X-Forwarded-For and PROXY protocol is believed; none: nobody's",
     List<IpNetwork>{FIELD(proxy.trusted), limits::trusted_networks_count_max, true}},
    {"proxy.protocol", "off", restart,
     "v1v2: each connection to listen and tls.listen begins with a header of the PROXY protocol, from proxy.trusted",
     Choice<ProxyProtocol>{FIELD(proxy.protocol), proxy_protocol_words}},

    {"influx.device_tags", "device_id,device,host,hostname", restart,
     "Tags of line protocol that name the device, the best one first; a line without one takes its measurement",
     List<std::string>{FIELD(mapping.influx.device_tags), SampleMapping::names_count_max}},
    {"influx.device_required", "false", restart, "Refuse a line that has none of influx.device_tags",
     Flag{FIELD(mapping.influx.is_device_required)}},
    {"influx.precision", "ns", restart,
     "Unit of a line's time stamp where ?precision= does not say; auto: by its magnitude",
     Choice<InfluxPrecision>{FIELD(mapping.influx.precision), influx_precision_words}},
    {"influx.keep_database", "true", restart, "Keep db and rp, or bucket and org, as members of each sample",
     Flag{FIELD(mapping.influx.keeps_database)}},
    {"prometheus.device_labels", "device_id,instance,job", restart,
     "Labels of remote write that name the device, the best one first; a series without one takes its name",
     List<std::string>{FIELD(mapping.prometheus.device_labels), SampleMapping::names_count_max}},
    {"otlp.device_attributes", "device.id,device_id,host.id,host.name,service.instance.id,service.name", restart,
     "Attributes of OTLP that name the device, of the point or else of its resource; without one it is `unknown`",
     List<std::string>{FIELD(mapping.otlp.device_attributes), SampleMapping::names_count_max}},
    {"otlp.device_required", "false", restart, "Refuse a data point that has none of otlp.device_attributes",
     Flag{FIELD(mapping.otlp.is_device_required)}},
    {"otlp.keep_resource", "true", restart, "Keep the attributes of resource and scope in each sample",
     Flag{FIELD(mapping.otlp.keeps_resource)}},

    {"tls.listen", "", restart, "Addresses that take telemetry over TLS; none: no TLS",
     List<ListenAddress>{FIELD(tls.listen), limits::tls_listen_addresses_count_max, true}},
    {"tls.certificate", "", restart, "File with the certificate chain in PEM, the server's own certificate first",
     Text{FIELD(tls.certificate), 0, limits::directory_path_bytes_max}},
    {"tls.key", "", restart, "File with the private key in PEM; it must not be readable by others",
     Text{FIELD(tls.key), 0, limits::directory_path_bytes_max}},
    {"tls.more", "", restart, "Further certificates; a client gets the one for the server name that it asks for",
     List<CertificatePair>{FIELD(tls.more), tls_pairs_count_max, true}},
    {"tls.client", "off", restart, "Whether clients must show a certificate (mTLS)",
     Choice<TlsClient>{FIELD(tls.client), tls_client_words}},
    {"tls.client_ca", "", restart, "File with the certificates, in PEM, that sign those of clients",
     Text{FIELD(tls.client_ca), 0, limits::directory_path_bytes_max}},
    {"tls.crl", "", restart, "File with the revocation lists, in PEM, of those that sign certificates of clients",
     Text{FIELD(tls.crl), 0, limits::directory_path_bytes_max}},
    {"tls.min_version", "1.2", restart, "Lowest version of TLS that is spoken",
     Choice<TlsVersion>{FIELD(tls.version_min), tls_version_words}},
    {"tls.ciphers",
     "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
     "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305",
     restart, "Cipher suites of TLS 1.2, in the notation of OpenSSL; those of TLS 1.3 are fixed",
     Text{FIELD(tls.ciphers), 1, 4 * limits::kib}},
    {"tls.groups", "X25519MLKEM768,X25519,P-256,P-384", restart,
     "Groups for the key exchange, the preferred first; those that this machine's OpenSSL has not are left out",
     Text{FIELD(tls.groups), 1, limits::kib}},
    {"tls.ticket_lifetime", "1h", restart, "How long a client may resume a session; 0s: never",
     Number{Unit::duration_seconds, 0, 24 * 3600, FIELD(tls.ticket_lifetime_s)}},
    {"tls.handshake_timeout", "10s", restart, "How long a TLS handshake may take; then the connection is closed",
     Number{Unit::duration, 100 * ms, 10 * minute, FIELD(tls.handshake_timeout_ns)}},
    {"tls.reload_interval", "1m", restart,
     "How often the files of certificates and keys are looked at, and read if they changed; 0s: only on SIGHUP",
     Number{Unit::duration, 0, 24 * hour, FIELD(tls.reload_interval_ns)}},
    {"tenants.file", "", restart,
     "File of tenants with their tokens; each request to take samples then needs one; empty: everybody may send",
     Text{FIELD(tenants.file), 0, limits::directory_path_bytes_max}},
    {"tenants.reload_interval", "1m", restart,
     "How often the file of tenants is looked at, and read if it changed; 0s: only on SIGHUP",
     Number{Unit::duration, 0, 24 * hour, FIELD(tenants.reload_interval_ns)}},
    {"quota.headers", "refusals", restart,
     "Which answers to a tenant with a quota have RateLimit and RateLimit-Policy: refusals by it alone, or always",
     Choice<QuotaHeaders>{FIELD(quota.headers), quota_headers_words}},
    {"quota.remote_write_status", "503", restart,
     "Status for remote write over its quota: 503, or 429 where all senders have retry_on_http_429",
     Choice<QuotaStatus>{FIELD(quota.remote_write_status), quota_status_words}},
    {"quota.address.requests_per_s", "0", restart,
     "Requests that an address, of IPv6 a /64, may bring in a second without tenants; more are refused; 0: no bound",
     Number{Unit::count, 0, 1'000'000'000, FIELD(quota.address.requests_per_s)}},
    {"quota.address.samples_per_s", "0", restart, "The same of samples that were accepted; 0: no bound",
     Number{Unit::count, 0, 1'000'000'000, FIELD(quota.address.samples_per_s)}},
    {"quota.address.bytes_per_s", "0B", restart, "The same of bodies as they come; 0B: no bound",
     Number{Unit::size, 0, std::uint64_t{1024} * 1024 * mib, FIELD(quota.address.body_bytes_per_s)}},

    {"io.backend", "auto", restart,
     "Kernel interface of the event loops; auto: io_uring, and epoll where that is not available",
     Choice<IoBackend>{FIELD(io.backend), io_backend_words}},
    {"io.ring_entries", "1024", restart, "Submission queue entries of a reactor's ring",
     Number{Unit::count, 8, limits::ring_entries_count_max, FIELD(io.ring_entries_count), true}},
    {"io.receive_buffer", "16KiB", restart, "Size of a receive buffer; a request within one is parsed where it lies",
     Number{Unit::size, 256, limits::receive_buffer_bytes_max, FIELD(io.receive_buffer_bytes)}},
    {"io.receive_buffers", "128", restart, "Receive buffers of a reactor, shared by its connections",
     Number{Unit::count, 2, limits::receive_buffers_count_max, FIELD(io.receive_buffers_count), true}},
    {"io.mode", "auto", restart, "io_uring features to switch off, for comparisons or because the kernel has a fault",
     Choice<IoMode>{FIELD(io.mode), io_mode_words}},
    {"io.busy_wait", "50us", restart,
     "How long a reactor that serves several clients waits for more requests; 0s: never",
     Number{Unit::duration, 0, 1 * ms, FIELD(io.busy_wait_ns)}},

    {"batch.size", "64KiB", restart, "Size of a batch, the unit that goes to the sink",
     Number{Unit::size, limits::batch_arena_bytes_min, limits::batch_arena_bytes_max, FIELD(batch.arena_bytes)}},
    {"batch.count", "256", restart, "Batches of a reactor; when all are in use, requests are answered 503",
     Number{Unit::count, 2, limits::batches_per_reactor_count_max, FIELD(batch.count)}},
    {"batch.pipeline_depth", "4", restart,
     "Batches in flight to a sink; beyond them, a batch waits until it is full; less than batch.count",
     Number{Unit::count, 1, limits::pipeline_depth_count_max, FIELD(batch.pipeline_depth_count)}},
    {"batch.linger", "1ms", restart,
     "How long a batch that no request waits for may fill under load; 0s: it goes at once",
     Number{Unit::duration, 0, 1 * s, FIELD(batch.linger_ns)}},

    {"journal.directory", "", restart,
     "With Redis as sink: samples go to a journal here and from it to Redis; empty: to Redis at once",
     Text{FIELD(journal.directory), 0, limits::directory_path_bytes_max}},
    {"journal.segment_size", "64MiB", restart, "Size of a file of the journal; reserved on disk before it is used",
     Number{Unit::size, limits::journal_segment_bytes_min, limits::journal_segment_bytes_max,
            FIELD(journal.segment_bytes)}},
    {"journal.size_max", "1GiB", restart, "Size of the whole journal; when it is full, samples are answered 503",
     Number{Unit::size, 2 * limits::journal_segment_bytes_min, limits::journal_bytes_max,
            FIELD(journal.total_bytes_max)}},

    {"admission.interval", "1s", live,
     "How often Redis is asked how full it is and how far its consumers are behind; 0s: once, and no bound holds",
     Number{Unit::duration, 0, 1 * hour, FIELD(admission.interval_ns)}},
    {"admission.stream_length_max", "0", live,
     "Entries of all partitions at which samples are answered 503 until 10 % are gone; 0: no bound",
     Number{Unit::count, 0, 1'000'000'000'000, FIELD(admission.stream_length_max)}},
    {"admission.group_lag_max", "0", live,
     "Entries that a consumer group has not read of a stream, at which samples are answered 503; 0: no bound",
     Number{Unit::count, 0, 1'000'000'000'000, FIELD(admission.group_lag_max)}},
    {"admission.memory_max", "90", live,
     "Percent of Redis' maxmemory in use, at which samples are answered 503; 0: no bound",
     Number{Unit::count, 0, 100, FIELD(admission.memory_percent_max)}},
    {"idempotency.window", "5m", live, "How long the answer to an Idempotency-Key is remembered, at most",
     Number{Unit::duration, 1 * s, 24 * hour, FIELD(idempotency.window_ns)}},
    {"idempotency.keys_max", "65536", restart,
     "Keys remembered at a time, about 256 bytes each; 0: requests with a key are refused",
     Number{Unit::count, 0, limits::idempotency_keys_count_max, FIELD(idempotency.keys_count_max)}},

    {"sink.url", "redis://127.0.0.1:6379", restart,
     "Where samples go; null: counts and discards them, journal: keeps them on disk", Url{FIELD(sink.url)}},
    {"sink.redis.layout", "fields", restart,
     "What a sample becomes: XADD of fields, XADD of JSON, RPUSH, or one XADD a batch",
     Choice<RedisLayout>{FIELD(sink.redis.layout), redis_layout_names}},
    {"sink.redis.stream", "telemetry", restart, "Stream key; with several partitions :{0}, :{1} and so on are appended",
     Text{FIELD(sink.redis.stream), 1, limits::stream_key_bytes_max}},
    {"sink.redis.list_key", "telemetry_queue", restart, "List key of the layout list",
     Text{FIELD(sink.redis.list_key), 1, limits::stream_name_bytes_max}},
    {"sink.redis.partitions", "1", restart, "Streams that the samples are spread over by device_id",
     Number{Unit::count, 1, limits::partitions_count_max, FIELD(sink.redis.partitions_count)}},
    {"sink.redis.maxlen", "0", live, "Entries that a stream is trimmed to, approximately; 0: not trimmed",
     Number{Unit::count, 0, 1'000'000'000'000, FIELD(sink.redis.maxlen_count)}},
    {"sink.redis.maxage", "0s", live,
     "Age by Redis' entry IDs at which entries are trimmed, approximately, when new ones are added; 0s: not trimmed",
     Number{Unit::duration_seconds, 0, limits::stream_age_s_max, FIELD(sink.redis.maxage_s)}},
    {"sink.redis.exactly_once", "false", restart,
     "Write streams of this engine's own, where nothing is lost and nothing is duplicated; needs journal.directory",
     Flag{FIELD(sink.redis.exactly_once)}},
    {"sink.redis.instance", "", restart,
     "Beginning of this engine's name in the keys of exactly_once; empty: the host's name",
     Text{FIELD(sink.redis.instance), 0, limits::instance_base_bytes_max}},
    {"sink.redis.user", "", live, "ACL user; wins over that of sink.url",
     Text{FIELD(sink.redis.user), 0, limits::credential_bytes_max}},
    {"sink.redis.password", "", live, "Password; wins over that of sink.url; better kept in sink.redis.password_file",
     Text{FIELD(sink.redis.password), 0, limits::credential_bytes_max, true}},
    {"sink.redis.password_file", "", live,
     "File that holds the password, instead of sink.redis.password; read at each connect; wins over sink.url",
     Text{FIELD(sink.redis.password_file), 0, limits::directory_path_bytes_max}},
    {"sink.redis.tls_ca", "", restart,
     "With rediss: file with the certificates, in PEM, that sign Redis' certificate; empty: those the system trusts",
     Text{FIELD(sink.redis.tls_ca), 0, limits::directory_path_bytes_max}},
    {"sink.redis.tls_certificate", "", restart,
     "With rediss: file with the certificate chain, in PEM, that Redis wants",
     Text{FIELD(sink.redis.tls_certificate), 0, limits::directory_path_bytes_max}},
    {"sink.redis.tls_key", "", restart,
     "With rediss: file with the key of sink.redis.tls_certificate, in PEM; it must not be readable by others",
     Text{FIELD(sink.redis.tls_key), 0, limits::directory_path_bytes_max}},
    {"sink.redis.tls_server_name", "", restart,
     "With rediss: name that Redis' certificate must be for, of every server; empty: the host that is connected to",
     Text{FIELD(sink.redis.tls_server_name), 0, limits::host_name_bytes_max}},
    {"sink.redis.tls_verify", "true", restart,
     "With rediss: whether Redis' certificate is verified; without, whoever is on the way may read and change all",
     Flag{FIELD(sink.redis.is_tls_verified)}},
    {"sink.redis.connect_timeout", "2s", live,
     "How long connecting to Redis may take, all addresses of its name together",
     Number{Unit::duration, 10 * ms, 1 * minute, FIELD(sink.redis.connect_timeout_ns)}},
    {"sink.redis.reply_timeout", "10s", live, "How long Redis may take to reply before the connection is given up",
     Number{Unit::duration, 10 * ms, 10 * minute, FIELD(sink.redis.reply_timeout_ns)}},
    {"sink.redis.backoff_min", "50ms", live, "First pause before connecting again; doubles up to backoff_max",
     Number{Unit::duration, 1 * ms, 1 * minute, FIELD(sink.redis.backoff_min_ns)}},
    {"sink.redis.backoff_max", "2s", live, "Longest pause before connecting again",
     Number{Unit::duration, 1 * ms, 10 * minute, FIELD(sink.redis.backoff_max_ns)}},
    {"sink.redis.breaker_failures", "3", live,
     "Failures in a row that open the circuit breaker; then stored is answered 503 at once; 0: never",
     Number{Unit::count, 0, 1'000'000, FIELD(sink.redis.breaker_failures_count)}},
    {"sink.redis.replicas", "0", restart,
     "Replicas that must confirm what is answered as replicated; 0: the level is not offered",
     Number{Unit::count, 0, limits::replicas_count_max, FIELD(sink.redis.replicas_count)}},
    {"sink.redis.replicas_timeout", "1s", live,
     "How long a batch waits for its replicas; less than ack_timeout and sink.redis.reply_timeout",
     Number{Unit::duration, 1 * ms, 1 * minute, FIELD(sink.redis.replicas_timeout_ns)}},
    {"sink.redis.wait_aof", "auto", restart,
     "auto: replicas must have samples on disk where Redis has WAITAOF (7.2) and an append-only file; off: in memory",
     Choice<WaitAof>{FIELD(sink.redis.wait_aof), wait_aof_words}},
};

#undef FIELD

constexpr bool help_names(std::string_view key, std::uint64_t limit) {
    return names_number(std::ranges::find(table, key, &Property::key)->help, limit);
}
static_assert(help_names("retry_after", limits::retry_after_s_max));

// A secret on a command line is seen by every user of the machine: each may be kept in a file.
constexpr bool has_file_if_secret(const Property& property) {
    const auto* const text = std::get_if<Text>(&property.kind);
    if (text == nullptr || !text->is_secret) return true;
    return std::ranges::any_of(table, [&](const Property& other) {
        return other.key.starts_with(property.key) && other.key.substr(property.key.size()) == "_file";
    });
}
static_assert(std::ranges::all_of(table, has_file_if_secret));

constexpr bool has_ordered_bounds(const Property& property) {
    const auto* const number = std::get_if<Number>(&property.kind);
    return number == nullptr || number->min <= number->max;
}
static_assert(std::ranges::all_of(table, has_ordered_bounds));

std::string_view last_part(std::string_view key) { return key.substr(key.rfind('.') + 1); }

// Lower case, and one separator for all: the environment has only underscores.
std::string folded(std::string_view text) {
    std::string out = lower_case(text);
    for (char& c : out)
        if (c == '.' || c == '-') c = '_';
    return out;
}

std::size_t slip_distance(std::string_view unknown, std::string_view key) {
    return std::min(edit_distance(folded(unknown), folded(key)),
                    1 + edit_distance(folded(last_part(unknown)), folded(last_part(key))));
}

}  // namespace

std::span<const Property> properties() { return table; }

const Property* find_property(std::string_view key) {
    const auto* const found = std::ranges::find(table, key, &Property::key);
    return found == std::end(table) ? nullptr : found;
}

bool is_group(std::string_view name) {
    return std::ranges::any_of(table, [&](const Property& property) {
        return property.key.starts_with(name) && property.key.substr(name.size()).starts_with('.');
    });
}

std::string groups() {
    std::string list;
    std::string_view previous;
    for (const Property& property : table) {
        const std::string_view group = property.key.substr(0, property.key.rfind('.'));
        if (!is_group(group) || group == previous) continue;
        previous = group;
        list.append(list.empty() ? "" : ", ").append(group);
    }
    return list;
}

std::string_view nearest_key(std::string_view unknown) {
    constexpr std::size_t compared_bytes_max = 64, edits_count_max = 4;
    const std::string_view compared = unknown.substr(0, compared_bytes_max);
    const auto distance = [&](const Property& property) { return slip_distance(compared, property.key); };
    const Property& nearest = *std::ranges::min_element(table, {}, distance);
    // Of a short word most of the letters must be right.
    const std::size_t edits_count = std::clamp<std::size_t>(1 + last_part(compared).size() / 3, 2, edits_count_max);
    return distance(nearest) <= edits_count ? nearest.key : std::string_view{};
}

std::string environment_name(std::string_view key) {
    std::string name = "SLUICE_";
    for (const char c : key) name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return name;
}

Config default_config() {
    Config config;
    for (const Property& property : table) CHECK(assign(property, config, property.default_text).has_value());
    return config;
}

}  // namespace sluice::config
