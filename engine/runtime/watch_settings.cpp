#include "engine/runtime/watch_settings.hpp"

#include "engine/delivery/redis_settings.hpp"

namespace sluice {
namespace {

// With exactly once the streams are named by the journal, which is not open yet: they are not looked at.
watch::Subject admission_subject(const config::Config& config) {
    const sinks::RedisLayoutSettings layout = layout_settings(config, {});
    const bool has_length_bound = config.admission.stream_length_max != 0;
    if (layout.layout == RedisLayout::list)
        return {.keys = sinks::keys_of_partitions(layout), .is_list = true, .has_length_bound = has_length_bound};
    watch::Subject subject{.has_lag_bound = config.admission.group_lag_max != 0,
                           .has_length_bound = has_length_bound || layout.maxlen_count != 0 || layout.maxage_ms != 0};
    if (config.sink.redis.exactly_once) {
        subject.hidden_key = config.sink.redis.stream + ":";  // their names begin so
        return subject;
    }
    subject.keys = sinks::keys_of_partitions(layout);
    return subject;
}

}  // namespace

std::optional<watch::WatcherSettings> watcher_settings(const config::Config& config) {
    const config::SinkKind kind = config.sink.url.kind;
    const bool is_sentinel = kind == config::SinkKind::redis_sentinel;
    const bool is_cluster = kind == config::SinkKind::redis_cluster;
    const bool has_redis = kind == config::SinkKind::redis || is_sentinel || is_cluster;
    if (!has_redis) return std::nullopt;
    return watch::WatcherSettings{
        .redis = is_sentinel ? sentinel_settings(config) : redis_settings(config),
        .seeds = is_cluster ? servers_of(config.sink.url) : std::vector<sinks::ServerAddress>{},
        .subject = admission_subject(config),
        .bounds = {.length_max = config.admission.stream_length_max,
                   .group_lag_max = config.admission.group_lag_max,
                   .memory_percent_max = config.admission.memory_percent_max},
        .interval_ns = config.admission.interval_ns,
        // A journal in front takes what Redis cannot. The figures are shown all the same.
        .sheds = !config.has_journal()};
}

}  // namespace sluice
