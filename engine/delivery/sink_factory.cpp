#include "engine/delivery/sink_factory.hpp"

#include "engine/delivery/redis_settings.hpp"
#include "sinks/journal/encoder.hpp"
#include "sinks/null/null_sink.hpp"
#include "sinks/redis/cluster/cluster_sink.hpp"
#include "sinks/redis/layout/encoder.hpp"
#include "sinks/redis/single/redis_sink.hpp"

namespace sluice {
namespace {

sinks::OwnedStreams owned_streams(const config::Config& config, const sinks::StreamOwner& owner) {
    const sinks::RedisLayoutSettings settings = layout_settings(config, owner);
    return {.index_key = settings.stream + ":streams", .keys = sinks::keys_of_partitions(settings), .owner = owner};
}

sinks::JournalSettings journal_settings(const config::Config& config, sinks::JournalListener* listener) {
    const bool is_sink = config.sink.url.kind == config::SinkKind::journal;
    return {.directory = is_sink ? config.sink.url.path : config.journal.directory,
            .log = {.segment_bytes = config.journal.segment_bytes,
                    .total_bytes_max = config.journal.total_bytes_max,
                    .has_tenants = config.has_tenants()},
            .listener = listener};
}

}  // namespace

std::unique_ptr<sinks::Encoder> make_encoder(const config::Config& config) {
    return config.has_journal() ? sinks::make_journal_encoder(config.has_tenants())
                                : sinks::make_redis_encoder(layout_settings(config, {}));
}

std::unique_ptr<sinks::Encoder> make_delivery_encoder(const config::Config& config, const sinks::StreamOwner& owner) {
    sinks::RedisLayoutSettings settings = layout_settings(config, owner);
    settings.has_tenants = true;  // also where there are none any more: records of earlier days may name one
    return sinks::make_redis_encoder(settings);
}

AckOffer ack_offer(const config::Config& config) {
    return {.preset = config.ack,
            .has_journal = config.has_journal(),
            .has_store = !config.has_journal(),
            .has_replicas = config.has_replicas(),
            .is_discarding = !config.has_journal() && config.sink.url.kind == config::SinkKind::null};
}

std::unique_ptr<sinks::Sink> make_sink(const config::Config& config, sinks::CompletionPort& port,
                                       sinks::JournalListener* listener) {
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
