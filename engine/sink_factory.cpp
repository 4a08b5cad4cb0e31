#include "engine/sink_factory.hpp"

#include <random>

#include "sinks/journal/encoder.hpp"
#include "sinks/null/null_sink.hpp"
#include "sinks/redis/cluster/cluster_sink.hpp"
#include "sinks/redis/encoder.hpp"
#include "sinks/redis/redis_sink.hpp"
#include "sinks/redis/sentinel/primary_finder.hpp"

namespace sluice {
namespace {

sinks::RedisLayout layout_of(config::RedisLayout layout) {
    switch (layout) {
        case config::RedisLayout::fields: return sinks::RedisLayout::fields;
        case config::RedisLayout::json: return sinks::RedisLayout::json;
        case config::RedisLayout::list: return sinks::RedisLayout::list;
        case config::RedisLayout::packed: return sinks::RedisLayout::packed;
    }
    return sinks::RedisLayout::fields;
}

sinks::RedisSettings redis_settings(const config::Config& config) {
    const config::SinkUrl& url = config.sink.url;
    const auto& redis = config.sink.redis;
    sinks::RedisSettings settings;
    settings.host = url.host;
    settings.port = url.port;
    settings.path = url.path;
    settings.user = url.user;
    settings.password = url.password;
    settings.db = url.db;
    settings.connect_timeout_ns = redis.connect_timeout_ns;
    settings.reply_timeout_ns = redis.reply_timeout_ns;
    settings.backoff_min_ns = redis.backoff_min_ns;
    settings.backoff_max_ns = redis.backoff_max_ns;
    settings.breaker_failures_count = static_cast<std::uint32_t>(redis.breaker_failures_count);
    settings.replicas_count = static_cast<std::uint32_t>(redis.replicas_count);
    settings.replicas_timeout_ns = redis.replicas_timeout_ns;
    settings.tries_wait_aof = redis.wait_aof == config::WaitAof::automatic;
    settings.random_seed = std::random_device{}();
    return settings;
}

std::vector<sinks::ServerAddress> servers_of(const config::SinkUrl& url) {
    std::vector<sinks::ServerAddress> servers;
    for (const config::Endpoint& server : url.servers) servers.push_back({server.address, server.port});
    return servers;
}

sinks::RedisSettings sentinel_settings(const config::Config& config) {
    sinks::RedisSettings settings = redis_settings(config);
    const config::SinkUrl& url = config.sink.url;
    settings.host = url.master;  // a name for sentences, until the sentinels have been asked
    auto finder = sinks::redis::PrimaryFinder({servers_of(url), url.master, url.user, url.password});
    settings.has_moved_from = [finder](const sinks::ServerAddress& present) { return finder.has_moved_from(present); };
    settings.find_server = [finder = std::move(finder)]() mutable { return finder.find(); };
    return settings;
}

sinks::RedisLayoutSettings layout_settings(const config::Config& config, const sinks::StreamOwner& owner) {
    const auto& redis = config.sink.redis;
    sinks::RedisLayoutSettings settings;
    settings.layout = layout_of(redis.layout);
    settings.stream = redis.stream;
    settings.list_key = redis.list_key;
    settings.partitions_count = static_cast<std::uint32_t>(redis.partitions_count);
    settings.maxlen_count = redis.maxlen_count;
    settings.instance = owner.instance;
    settings.has_lane_per_partition = config.sink.url.kind == config::SinkKind::redis_cluster;
    return settings;
}

sinks::OwnedStreams owned_streams(const config::Config& config, const sinks::StreamOwner& owner) {
    const sinks::RedisLayoutSettings settings = layout_settings(config, owner);
    return {.index_key = settings.stream + ":streams", .keys = sinks::keys_of_partitions(settings), .owner = owner};
}

// With exactly once the streams are named by the journal, which is not open yet: they are not looked at.
admission::Subject admission_subject(const config::Config& config) {
    const sinks::RedisLayoutSettings layout = layout_settings(config, {});
    if (layout.layout == sinks::RedisLayout::list) return {.keys = {layout.list_key}, .is_list = true};
    admission::Subject subject{.has_lag_bound = config.admission.group_lag_max != 0};
    if (config.sink.redis.exactly_once) return subject;
    for (std::uint32_t partition = 0; partition < layout.partitions_count; ++partition)
        subject.keys.push_back(sinks::stream_key(layout, partition));
    return subject;
}

sinks::JournalSettings journal_settings(const config::Config& config, sinks::JournalListener* listener) {
    const bool is_sink = config.sink.url.kind == config::SinkKind::journal;
    return {.directory = is_sink ? config.sink.url.path : config.journal.directory,
            .log = {.segment_bytes = config.journal.segment_bytes, .total_bytes_max = config.journal.total_bytes_max},
            .listener = listener};
}

}  // namespace

std::unique_ptr<sinks::Encoder> make_encoder(const config::Config& config) {
    return config.has_journal() ? sinks::make_journal_encoder() : make_delivery_encoder(config);
}

std::unique_ptr<sinks::Encoder> make_delivery_encoder(const config::Config& config, const sinks::StreamOwner& owner) {
    // The null sink renders what Redis would get, so that it measures all of the work but the delivery.
    return sinks::make_redis_encoder(layout_settings(config, owner));
}

AckOffer ack_offer(const config::Config& config) {
    return {.preset = config.ack,
            .has_journal = config.has_journal(),
            .has_store = !config.has_journal(),
            .has_replicas = config.has_replicas()};
}

std::optional<admission::SamplerSettings> sampler_settings(const config::Config& config) {
    const config::SinkKind kind = config.sink.url.kind;
    const bool is_sentinel = kind == config::SinkKind::redis_sentinel;
    const bool is_cluster = kind == config::SinkKind::redis_cluster;
    const bool has_redis = kind == config::SinkKind::redis || is_sentinel || is_cluster;
    if (!has_redis || config.admission.interval_ns == 0) return std::nullopt;
    return admission::SamplerSettings{
        .redis = is_sentinel ? sentinel_settings(config) : redis_settings(config),
        .seeds = is_cluster ? servers_of(config.sink.url) : std::vector<sinks::ServerAddress>{},
        .subject = admission_subject(config),
        .bounds = {.length_max = config.admission.stream_length_max,
                   .group_lag_max = config.admission.group_lag_max,
                   .memory_percent_max = config.admission.memory_percent_max},
        .interval_ns = config.admission.interval_ns,
        .sheds = !config.has_journal()};
}

std::uint32_t sinks_count(const config::Config& config) {
    static_cast<void>(config);
    return 1;
}

std::unique_ptr<sinks::Sink> make_sink(const config::Config& config, std::uint32_t index, sinks::CompletionPort& port,
                                       sinks::JournalListener* listener) {
    CHECK(index < sinks_count(config));
    if (config.has_journal()) return sinks::make_journal_sink(journal_settings(config, listener), port);
    return make_delivery_sink(config, port);
}

std::unique_ptr<sinks::Sink> make_delivery_sink(const config::Config& config, sinks::CompletionPort& port,
                                                const sinks::StreamOwner& owner) {
    const config::SinkUrl& url = config.sink.url;
    switch (url.kind) {
        case config::SinkKind::null: return sinks::make_null_sink(port);
        case config::SinkKind::redis:
            if (!owner.instance.empty())
                return sinks::make_exactly_once_sink(redis_settings(config), owned_streams(config, owner), port);
            return sinks::make_redis_sink(redis_settings(config), port);
        case config::SinkKind::redis_sentinel: return sinks::make_redis_sink(sentinel_settings(config), port);
        case config::SinkKind::redis_cluster:
            return sinks::make_cluster_sink(
                {servers_of(url), sinks::keys_of_partitions(layout_settings(config, owner)), redis_settings(config)},
                port);
        case config::SinkKind::journal: break;
    }
    CHECK(false);  // a journal delivers nothing
    return nullptr;
}

}  // namespace sluice
