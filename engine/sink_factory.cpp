#include "engine/sink_factory.hpp"

#include <random>

#include "sinks/null/null_sink.hpp"
#include "sinks/redis/encoder.hpp"
#include "sinks/redis/redis_sink.hpp"

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
    settings.random_seed = std::random_device{}();
    return settings;
}

}  // namespace

std::unique_ptr<sinks::Encoder> make_encoder(const config::Config& config) {
    const auto& redis = config.sink.redis;
    sinks::RedisLayoutSettings settings;
    settings.layout = layout_of(redis.layout);
    settings.stream = redis.stream;
    settings.list_key = redis.list_key;
    settings.partitions_count = static_cast<std::uint32_t>(redis.partitions_count);
    settings.maxlen_count = redis.maxlen_count;
    // The null sink renders what Redis would get, so that it measures all of the work but the delivery.
    return sinks::make_redis_encoder(settings);
}

std::uint32_t sinks_count(const config::Config& config) {
    static_cast<void>(config);
    return 1;
}

std::unique_ptr<sinks::Sink> make_sink(const config::Config& config, std::uint32_t index, sinks::CompletionPort& port) {
    CHECK(index < sinks_count(config));
    if (config.sink.url.kind == config::SinkKind::null) return sinks::make_null_sink(port);
    return sinks::make_redis_sink(redis_settings(config), port);
}

}  // namespace sluice
