#include "engine/sink_factory.hpp"

#include <random>

#include "sinks/journal/encoder.hpp"
#include "sinks/journal/journal_sink.hpp"
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

sinks::JournalSettings journal_settings(const config::Config& config) {
    return {.directory = config.sink.url.path,
            .log = {.segment_bytes = config.journal.segment_bytes, .total_bytes_max = config.journal.total_bytes_max}};
}

}  // namespace

std::unique_ptr<sinks::Encoder> make_encoder(const config::Config& config) {
    if (config.sink.url.kind == config::SinkKind::journal) return sinks::make_journal_encoder();
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

AckOffer ack_offer(const config::Config& config) {
    const bool is_journal = config.sink.url.kind == config::SinkKind::journal;
    return {.preset = config.ack, .has_journal = is_journal, .has_store = !is_journal};
}

std::uint32_t sinks_count(const config::Config& config) {
    static_cast<void>(config);
    return 1;
}

std::unique_ptr<sinks::Sink> make_sink(const config::Config& config, std::uint32_t index, sinks::CompletionPort& port) {
    CHECK(index < sinks_count(config));
    switch (config.sink.url.kind) {
        case config::SinkKind::null: return sinks::make_null_sink(port);
        case config::SinkKind::journal: return sinks::make_journal_sink(journal_settings(config), port);
        case config::SinkKind::redis: break;
    }
    return sinks::make_redis_sink(redis_settings(config), port);
}

}  // namespace sluice
