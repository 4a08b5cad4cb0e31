#include "engine/delivery/redis_settings.hpp"

#include <memory>
#include <utility>

#include "engine/core/clock.hpp"
#include "engine/core/random_seed.hpp"
#include "sinks/redis/link/address_book.hpp"
#include "sinks/redis/sentinel/primary_finder.hpp"

namespace sluice {
namespace {

std::uint64_t wall_ms() { return static_cast<std::uint64_t>(unix_ns()) / 1'000'000; }

}  // namespace

sinks::RedisSettings redis_settings(const config::Config& config) {
    const config::SinkUrl& url = config.sink.url;
    const auto& redis = config.sink.redis;
    sinks::RedisSettings settings;
    settings.host = url.host;
    settings.port = url.port;
    settings.path = url.path;
    settings.user = url.user;
    settings.password = url.password;
    settings.password_file = redis.password_file;
    settings.addresses = std::make_shared<sinks::redis::AddressBook>();
    settings.tls = {.is_on = url.is_tls,
                    .ca = redis.tls_ca,
                    .certificate = redis.tls_certificate,
                    .key = redis.tls_key,
                    .server_name = redis.tls_server_name,
                    .is_verified = redis.is_tls_verified};
    settings.db = url.db;
    settings.connect_timeout_ns = redis.connect_timeout_ns;
    settings.reply_timeout_ns = redis.reply_timeout_ns;
    settings.backoff_min_ns = redis.backoff_min_ns;
    settings.backoff_max_ns = redis.backoff_max_ns;
    settings.breaker_failures_count = static_cast<std::uint32_t>(redis.breaker_failures_count);
    settings.replicas_count = static_cast<std::uint32_t>(redis.replicas_count);
    settings.replicas_timeout_ns = redis.replicas_timeout_ns;
    settings.tries_wait_aof = redis.wait_aof == config::WaitAof::automatic;
    settings.random_seed = random_seed();
    return settings;
}

std::vector<sinks::ServerAddress> servers_of(const config::SinkUrl& url) {
    std::vector<sinks::ServerAddress> servers;
    for (const config::ServerAddress& server : url.servers) servers.push_back({server.address, server.port});
    return servers;
}

sinks::RedisSettings sentinel_settings(const config::Config& config) {
    sinks::RedisSettings settings = redis_settings(config);
    const config::SinkUrl& url = config.sink.url;
    settings.host = url.master;  // a name for sentences, until the sentinels have been asked
    auto finder = sinks::redis::PrimaryFinder({.sentinels = servers_of(url),
                                               .master = url.master,
                                               .user = url.user,
                                               .password = url.password,
                                               .password_file = settings.password_file,
                                               .addresses = settings.addresses,
                                               .tls = settings.tls});
    settings.has_moved_from = [finder](const sinks::ServerAddress& present) { return finder.has_moved_from(present); };
    settings.find_server = [finder = std::move(finder)]() mutable { return finder.find(); };
    return settings;
}

sinks::RedisLayoutSettings layout_settings(const config::Config& config, const sinks::StreamOwner& owner) {
    const auto& redis = config.sink.redis;
    sinks::RedisLayoutSettings settings;
    settings.layout = redis.layout;
    settings.stream = redis.stream;
    settings.list_key = redis.list_key;
    settings.partitions_count = static_cast<std::uint32_t>(redis.partitions_count);
    settings.maxlen_count = redis.maxlen_count;
    settings.maxage_ms = redis.maxage_s * 1000;
    settings.wall_ms = wall_ms;
    settings.has_tenants = config.has_tenants();
    settings.tenant_streams = config.tenants.streams;
    settings.instance = owner.instance;
    settings.has_lane_per_partition = config.sink.url.kind == config::SinkKind::redis_cluster;
    return settings;
}

}  // namespace sluice
