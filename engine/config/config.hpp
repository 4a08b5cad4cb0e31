// Config: every setting of `sluice serve`, checked. Plain values; nothing here reads a file.
//
// Each field is declared to the outside once, in keys.cpp: name, unit, default, bounds and help. The file
// reader, the environment, the command line, `print-config` and docs/configuration.md all come from there.
// Sizes are bytes, durations ns.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/ack.hpp"
#include "engine/core/content_coding.hpp"
#include "engine/core/ip_address.hpp"
#include "engine/core/log_level.hpp"
#include "engine/core/redis_layout.hpp"
#include "engine/core/sample_mapping.hpp"

namespace sluice::config {

// Where the engine listens: a numeric IPv4 or IPv6 address with a port, or the path of a Unix socket. Equal places
// compare equal. In a list, [::] beside an IPv4 address of the same port means IPv6 only.
struct ListenAddress {
    std::string address{};   // as inet_ntop writes it, without brackets; empty for a Unix socket
    std::uint16_t port = 0;  // 0: the kernel chooses (tests)
    std::string path{};      // of a Unix socket, absolute; empty for TCP
    // The same place in IPv6, for IPv6 only: ::1 of localhost, :: of :PORT. Left out on a machine without IPv6. Empty:
    // there is none.
    std::string address_v6{};
    [[nodiscard]] bool is_unix() const { return !path.empty(); }
    friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// A Redis server or sentinel to connect to.
struct ServerAddress {
    std::string address;  // a name, or numeric as inet_ntop writes it, without brackets
    std::uint16_t port = 0;
    friend bool operator==(const ServerAddress&, const ServerAddress&) = default;
};

enum class WaitAof : std::uint8_t { automatic, off };
enum class IoBackend : std::uint8_t { automatic, io_uring, epoll };
enum class TlsClient : std::uint8_t { off, optional, required };
enum class TlsVersion : std::uint8_t { tls_1_2, tls_1_3 };
enum class ProxyProtocol : std::uint8_t { off, v1v2 };
enum class QuotaHeaders : std::uint8_t { refusals, always };
enum class QuotaStatus : std::uint8_t { unavailable, too_many_requests };  // 503, 429
// What to do without, each being a fallback that the loop also takes where the kernel lacks the feature.
enum class IoMode : std::uint8_t { all, no_defer_taskrun, no_multishot, no_buffer_ring };
enum class SinkKind : std::uint8_t { redis, redis_cluster, redis_sentinel, null, journal };

struct SinkUrl {
    SinkKind kind = SinkKind::redis;
    bool is_tls = false;  // rediss://, rediss-cluster://, rediss-sentinel://: all connections speak TLS
    std::string host{};  // redis://; empty for a unix socket
    std::uint16_t port = 0;
    std::string path{};  // redis+unix://: the socket, empty for TCP; journal: the directory
    std::string user{};  // empty: AUTH without a user name. After loading, sink.redis.user has been put here
    std::string password{};  // both empty: no AUTH. After loading, sink.redis.password has been put here
    std::uint32_t db = 0;
    std::string display{};  // the URL with the password replaced by ***, for logs and /status
    std::vector<ServerAddress> servers{};  // redis-cluster:// any of its nodes; redis-sentinel:// the sentinels
    std::string master{};  // redis-sentinel://: the name that the sentinels watch the primary under
};

// Files in PEM.
struct CertificatePair {
    std::string certificate;
    std::string key;
    friend bool operator==(const CertificatePair&, const CertificatePair&) = default;
};

// Of a web page, as browsers write it: `https://app.example.org`, `http://localhost:3000`.
struct Origin {
    std::string text;
    friend bool operator==(const Origin&, const Origin&) = default;
};

struct Config {
    std::vector<ListenAddress> listen{{.address = "127.0.0.1", .port = 8080}};  // empty: tls.listen is not
    std::vector<unsigned> cores;  // one reactor each, pinned; never empty after loading
    AckLevel ack = AckLevel::stored;
    std::uint64_t ack_timeout_ns = 0;
    std::uint64_t timestamp_past_ns_max = 0;  // how old a sample may be; 0: no bound
    std::uint64_t timestamp_future_ns_max = 0;  // 0: no bound
    std::uint64_t drain_lame_duck_ns = 0;
    std::uint64_t drain_timeout_ns = 0;
    std::uint64_t retry_after_s = 0;

    struct Admin {
        ListenAddress listen{.address = "127.0.0.1", .port = 8081};  // may equal an element of `listen`
        std::vector<ListenAddress> metrics_listen;  // serve what scrapers and load balancers read, and nothing else
        std::vector<std::string> origins;  // of pages in a browser that may POST, beside those at an address
        bool is_tls = false;
        std::string token_file;  // holds the token that the pages need; empty: none is needed
    } admin;

    struct Log {
        LogLevel level = LogLevel::info;
        LogFormat format = LogFormat::logfmt;
    } log;

    struct Http {
        std::uint64_t body_bytes_max = 0;  // of one request
        std::uint64_t body_memory_bytes = 0;  // of all bodies a reactor is collecting
        std::vector<ContentCoding> encodings;  // that a body may have; never empty after loading
        std::uint64_t compression_ratio_max = 0;  // 0: no bound
        std::uint64_t header_timeout_ns = 0;
        std::uint64_t body_timeout_ns = 0;
        std::uint64_t idle_timeout_ns = 0;
        std::uint64_t write_timeout_ns = 0;
        std::uint64_t connections_count_max = 0;  // per reactor
        std::uint64_t connections_per_address_count_max = 0;  // of all reactors; 0: no bound
        std::vector<Origin> cors_origins;  // whose pages may send samples from a browser; empty: none
    } http;

    struct Proxy {
        std::vector<IpNetwork> trusted;  // of proxies that are believed what they say of their clients
        ProxyProtocol protocol = ProxyProtocol::off;  // of connections to `listen` and `tls.listen`
    } proxy;

    SampleMapping mapping;

    struct Tls {
        std::vector<ListenAddress> listen;  // empty: no listener speaks TLS
        std::string certificate;  // a file: PEM, the leaf first
        std::string key;  // a file: PEM
        std::vector<CertificatePair> more;  // chosen by the server's name that the client gives
        TlsClient client = TlsClient::off;  // whether clients show a certificate
        std::string client_ca;  // a file: who signs it
        std::string crl;  // a file: which of them are revoked
        TlsVersion version_min = TlsVersion::tls_1_2;
        std::string ciphers;  // of TLS 1.2, as OpenSSL lists them
        std::string groups;  // for the key exchange, with commas between them; unknown ones are left out
        std::uint64_t ticket_lifetime_s = 0;  // 0: no session is resumed
        std::uint64_t handshake_timeout_ns = 0;
        std::uint64_t reload_interval_ns = 0;  // of looking whether the files have changed; 0: never
    } tls;
    struct Tenants {
        std::string file;  // who may send what; empty: everybody may send everything
        std::uint64_t reload_interval_ns = 0;  // of looking whether the file has changed; 0: never
        std::vector<std::string> streams;  // no key: of tenants' own, as the file has them at the start
    } tenants;

    struct Quota {
        QuotaHeaders headers = QuotaHeaders::refusals;  // which answers have RateLimit
        QuotaStatus remote_write_status = QuotaStatus::unavailable;
        struct Address {  // of each address, where there are no tenants; 0: no bound
            std::uint64_t requests_per_s = 0;
            std::uint64_t samples_per_s = 0;
            std::uint64_t body_bytes_per_s = 0;
            [[nodiscard]] bool is_bounded() const {
                return requests_per_s != 0 || samples_per_s != 0 || body_bytes_per_s != 0;
            }
        } address;
    } quota;

    struct Io {
        IoBackend backend = IoBackend::automatic;
        std::uint64_t ring_entries_count = 0;
        std::uint64_t receive_buffer_bytes = 0;
        std::uint64_t receive_buffers_count = 0;  // per reactor; a power of two
        IoMode mode = IoMode::all;
        std::uint64_t busy_wait_ns = 0;  // how long a busy reactor lets completions gather
    } io;

    struct BatchSettings {
        std::uint64_t arena_bytes = 0;
        std::uint64_t count = 0;  // per reactor
        std::uint64_t pipeline_depth_count = 0;  // batches in flight per reactor and sink
        std::uint64_t linger_ns = 0;
    } batch;

    struct Admission {
        std::uint64_t interval_ns = 0;  // of looking at Redis; 0: never
        std::uint64_t stream_length_max = 0;  // entries of all partitions; 0: no bound
        std::uint64_t group_lag_max = 0;  // entries; 0: no bound
        std::uint64_t memory_percent_max = 0;  // of Redis' maxmemory; 0: no bound
    } admission;

    struct Journal {
        std::string directory;  // of the journal in front of Redis; empty: none
        std::uint64_t segment_bytes = 0;  // of a segment file, preallocated
        std::uint64_t total_bytes_max = 0;  // of all of them
    } journal;

    struct Idempotency {
        std::uint64_t window_ns = 0;  // how long the answer to a key is remembered
        std::uint64_t keys_count_max = 0;  // 0: requests with a key are refused
    } idempotency;

    struct Sink {
        SinkUrl url;
        struct Redis {
            RedisLayout layout = RedisLayout::fields;
            std::string stream;
            std::string list_key;
            std::uint64_t partitions_count = 1;
            std::uint64_t maxlen_count = 0;  // 0: streams are not trimmed to a length
            std::uint64_t maxage_s = 0;  // 0: nor by age
            bool exactly_once = false;  // this engine's own streams, entry IDs from the journal
            std::string instance;  // beginning of its name in them; empty: the host's name
            std::string user;  // both win over those of the URL when not empty
            std::string password;
            // Holds it instead; read at each connect. After loading, a bare name is in the directory of credentials.
            std::string password_file;
            std::string tls_ca;  // files in PEM, read at each connect; empty: whom the system trusts
            std::string tls_certificate;  // shown to Redis; empty: none
            std::string tls_key;
            std::string tls_server_name;  // that Redis' certificate must be for; empty: the host
            bool is_tls_verified = true;
            std::uint64_t connect_timeout_ns = 0;
            std::uint64_t reply_timeout_ns = 0;
            std::uint64_t backoff_min_ns = 0;
            std::uint64_t backoff_max_ns = 0;
            std::uint64_t breaker_failures_count = 0;  // in a row; 0: the circuit breaker never opens
            std::uint64_t replicas_count = 0;  // that `replicated` waits for; 0: the level is not offered
            std::uint64_t replicas_timeout_ns = 0;
            WaitAof wait_aof = WaitAof::automatic;
        } redis;
    } sink;

    // Samples go to a journal first, or only.
    [[nodiscard]] bool has_journal() const { return sink.url.kind == SinkKind::journal || !journal.directory.empty(); }
    // Who may send is in a file; else everybody may.
    [[nodiscard]] bool has_tenants() const { return !tenants.file.empty(); }
    // A listener speaks TLS.
    [[nodiscard]] bool has_tls() const { return !tls.listen.empty() || admin.is_tls; }
    // `replicated` is offered.
    [[nodiscard]] bool has_replicas() const {
        const bool is_redis = sink.url.kind != SinkKind::null && sink.url.kind != SinkKind::journal;
        return is_redis && sink.redis.replicas_count != 0 && !has_journal();
    }
};

}  // namespace sluice::config
