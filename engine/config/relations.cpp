#include "engine/config/relations.hpp"

#include <algorithm>

#include "engine/config/addresses.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/names_number.hpp"

namespace sluice::config {
namespace {

bool has_journal_in_front(const Config& config) { return !config.journal.directory.empty(); }

bool is_redis(SinkKind kind) { return kind != SinkKind::null && kind != SinkKind::journal; }

// One address may serve both; two that overlap cannot.
bool is_admin_apart(const Config& config) {
    return std::ranges::none_of(config.listen, [&](const ListenAddress& data) {
        return data != config.admin.listen && collision_of(data, config.admin.listen).has_value();
    });
}

// No address speaks both TLS and plain HTTP.
bool is_tls_apart(const Config& config, std::span<const ListenAddress> others) {
    return std::ranges::none_of(config.tls.listen, [&](const ListenAddress& tls) {
        return std::ranges::any_of(others,
                                   [&](const ListenAddress& other) { return collision_of(tls, other).has_value(); });
    });
}

constexpr std::string_view tls_scheme = "needs rediss://, rediss-cluster:// or rediss-sentinel:// in";
bool is_plain_redis(const Config& config) { return is_redis(config.sink.url.kind) && !config.sink.url.is_tls; }

bool is_metrics_apart(const Config& config, std::span<const ListenAddress> others) {
    return std::ranges::none_of(config.admin.metrics_listen, [&](const ListenAddress& metrics) {
        return std::ranges::any_of(
            others, [&](const ListenAddress& other) { return collision_of(metrics, other).has_value(); });
    });
}

// Braces decide the slot of a key in Redis Cluster.
bool has_braces(const Config& config) { return config.sink.redis.stream.find_first_of("{}") != std::string::npos; }

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

// `holds` is an expression of `config`, a Config.
#define HOLDS(expression) ([](const Config& config) -> bool { return expression; })
#define UNLESS(condition, expression) HOLDS(!(condition) || (expression))

constexpr std::string_view stream_room = "takes at most 71 bytes in";
static_assert(names_number(stream_room, limits::owned_stream_key_bytes_max));

constexpr Relation relation_table[] = {
    {"http.body_memory", "must be at least", "http.body_max",
     HOLDS(config.http.body_memory_bytes >= config.http.body_bytes_max)},
    {"batch.pipeline_depth", "must be less than", "batch.count",
     HOLDS(config.batch.pipeline_depth_count < config.batch.count)},
    {"admin.listen", "must not collide with", "listen", is_admin_apart},
    {"listen", "needs an address, here or in", "tls.listen", UNLESS(config.listen.empty(), !config.tls.listen.empty())},
    {"tls.listen", "must not collide with", "listen", HOLDS(is_tls_apart(config, config.listen))},
    {"tls.listen", "must not collide with", "admin.listen", HOLDS(is_tls_apart(config, {&config.admin.listen, 1}))},
    {"admin.metrics_listen", "must not collide with", "listen", HOLDS(is_metrics_apart(config, config.listen))},
    {"admin.metrics_listen", "must not collide with", "tls.listen", HOLDS(is_metrics_apart(config, config.tls.listen))},
    {"admin.metrics_listen", "must not collide with", "admin.listen",
     HOLDS(is_metrics_apart(config, {&config.admin.listen, 1}))},
    {"tls.listen", "needs a file in", "tls.certificate",
     UNLESS(!config.tls.listen.empty(), !config.tls.certificate.empty())},
    {"tls.listen", "needs a file in", "tls.key", UNLESS(!config.tls.listen.empty(), !config.tls.key.empty())},
    {"admin.tls", "needs a file in", "tls.certificate", UNLESS(config.admin.is_tls, !config.tls.certificate.empty())},
    {"admin.tls", "needs a file in", "tls.key", UNLESS(config.admin.is_tls, !config.tls.key.empty())},
    {"admin.tls", "needs an address that is none of listen as", "admin.listen",
     UNLESS(config.admin.is_tls, std::ranges::find(config.listen, config.admin.listen) == config.listen.end())},
    {"tls.client", "needs a file in", "tls.client_ca",
     UNLESS(config.tls.client != TlsClient::off, !config.tls.client_ca.empty())},
    {"tls.client_ca", "needs optional or required as", "tls.client",
     UNLESS(!config.tls.client_ca.empty(), config.tls.client != TlsClient::off)},
    {"tls.crl", "needs a file in", "tls.client_ca", UNLESS(!config.tls.crl.empty(), !config.tls.client_ca.empty())},
    // A tenant has its own quota.
    {"quota.address.requests_per_s", "is for engines without tenants, so must be 0 beside", "tenants.file",
     UNLESS(config.quota.address.requests_per_s != 0, config.tenants.file.empty())},
    {"quota.address.samples_per_s", "is for engines without tenants, so must be 0 beside", "tenants.file",
     UNLESS(config.quota.address.samples_per_s != 0, config.tenants.file.empty())},
    {"quota.address.bytes_per_s", "is for engines without tenants, so must be 0 beside", "tenants.file",
     UNLESS(config.quota.address.body_bytes_per_s != 0, config.tenants.file.empty())},
    {"proxy.protocol", "needs the networks of the proxies in", "proxy.trusted",
     UNLESS(config.proxy.protocol != ProxyProtocol::off, !config.proxy.trusted.empty())},
    // The peer of a Unix socket has no address that could be trusted.
    {"proxy.protocol", "takes no Unix socket in", "listen",
     UNLESS(config.proxy.protocol != ProxyProtocol::off, std::ranges::none_of(config.listen, &ListenAddress::is_unix))},
    {"proxy.protocol", "takes no Unix socket in", "tls.listen",
     UNLESS(config.proxy.protocol != ProxyProtocol::off,
            std::ranges::none_of(config.tls.listen, &ListenAddress::is_unix))},
    {"sink.redis.backoff_min", "must be at most", "sink.redis.backoff_max",
     HOLDS(config.sink.redis.backoff_min_ns <= config.sink.redis.backoff_max_ns)},
    {"journal.size_max", "must be at least twice", "journal.segment_size",
     HOLDS(config.journal.total_bytes_max >= 2 * config.journal.segment_bytes)},
    {"journal.directory", "does not go with a journal in", "sink.url",
     UNLESS(has_journal_in_front(config), config.sink.url.kind != SinkKind::journal)},

    // The watcher asks for them; without an interval it asks once, at the start.
    {"admission.stream_length_max", "needs more than 0s as", "admission.interval",
     UNLESS(config.admission.stream_length_max != 0, config.admission.interval_ns != 0)},
    {"admission.group_lag_max", "needs more than 0s as", "admission.interval",
     UNLESS(config.admission.group_lag_max != 0, config.admission.interval_ns != 0)},

    {"ack", "needs journal.directory, or a journal in", "sink.url",
     UNLESS(config.ack == AckLevel::journaled, config.has_journal())},
    {"ack", "needs a Redis in", "sink.url", UNLESS(config.ack == AckLevel::replicated, is_redis(config.sink.url.kind))},
    {"ack", "does not go with", "journal.directory",
     UNLESS(config.ack == AckLevel::replicated, !has_journal_in_front(config))},
    {"ack", "needs more than 0 as", "sink.redis.replicas",
     UNLESS(config.ack == AckLevel::replicated, config.sink.redis.replicas_count != 0)},
    {"sink.redis.replicas_timeout", "must be less than", "ack_timeout",
     UNLESS(config.has_replicas(), config.sink.redis.replicas_timeout_ns < config.ack_timeout_ns)},
    {"sink.redis.replicas_timeout", "must be less than", "sink.redis.reply_timeout",
     UNLESS(config.has_replicas(), config.sink.redis.replicas_timeout_ns < config.sink.redis.reply_timeout_ns)},

    // Redis takes one of MAXLEN and MINID in an XADD.
    {"sink.redis.maxage", "must be 0s beside", "sink.redis.maxlen",
     UNLESS(config.sink.redis.maxage_s != 0, config.sink.redis.maxlen_count == 0)},
    {"sink.redis.maxage", "needs a stream (fields, json or packed) as", "sink.redis.layout",
     UNLESS(config.sink.redis.maxage_s != 0, config.sink.redis.layout != RedisLayout::list)},
    // Their entry IDs are positions in the journal, not times.
    {"sink.redis.maxage", "must be 0s beside", "sink.redis.exactly_once",
     UNLESS(config.sink.redis.maxage_s != 0, !config.sink.redis.exactly_once)},

    {"sink.redis.password_file", "must be empty beside", "sink.redis.password",
     UNLESS(!config.sink.redis.password_file.empty(), config.sink.redis.password.empty())},
    {"sink.redis.tls_certificate", "needs a file in", "sink.redis.tls_key",
     UNLESS(!config.sink.redis.tls_certificate.empty(), !config.sink.redis.tls_key.empty())},
    {"sink.redis.tls_key", "needs a file in", "sink.redis.tls_certificate",
     UNLESS(!config.sink.redis.tls_key.empty(), !config.sink.redis.tls_certificate.empty())},
    // Who sets one wants TLS, and would not notice that there is none.
    {"sink.redis.tls_ca", tls_scheme, "sink.url", UNLESS(!config.sink.redis.tls_ca.empty(), !is_plain_redis(config))},
    {"sink.redis.tls_certificate", tls_scheme, "sink.url",
     UNLESS(!config.sink.redis.tls_certificate.empty(), !is_plain_redis(config))},
    {"sink.redis.tls_server_name", tls_scheme, "sink.url",
     UNLESS(!config.sink.redis.tls_server_name.empty(), !is_plain_redis(config))},
    {"sink.redis.stream", "must hold no { or } beside", "sink.redis.partitions",
     UNLESS(config.sink.redis.partitions_count > 1, !has_braces(config))},

    // docs/exactly-once.md has the reasons.
    {"sink.redis.exactly_once", "needs a journal to send again from:", "journal.directory",
     UNLESS(config.sink.redis.exactly_once, has_journal_in_front(config))},
    {"sink.redis.exactly_once", "needs one Redis (redis:// or redis+unix://) in", "sink.url",
     UNLESS(config.sink.redis.exactly_once, config.sink.url.kind == SinkKind::redis)},
    {"sink.redis.exactly_once", "needs fields or json as", "sink.redis.layout",
     UNLESS(config.sink.redis.exactly_once,
            config.sink.redis.layout == RedisLayout::fields || config.sink.redis.layout == RedisLayout::json)},
    {"sink.redis.exactly_once", stream_room, "sink.redis.stream",
     UNLESS(config.sink.redis.exactly_once, config.sink.redis.stream.size() <= limits::owned_stream_key_bytes_max)},
    {"sink.redis.exactly_once", "takes no { or } in", "sink.redis.stream",
     UNLESS(config.sink.redis.exactly_once, !has_braces(config))},
    {"sink.redis.instance", "must be of letters, digits, '.', '_' and '-' with", "sink.redis.exactly_once",
     UNLESS(config.sink.redis.exactly_once, std::ranges::all_of(config.sink.redis.instance, is_plain))},
};

#undef UNLESS
#undef HOLDS

}  // namespace

std::span<const Relation> relations() { return relation_table; }

}  // namespace sluice::config
