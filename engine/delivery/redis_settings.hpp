// From the configuration to what the Redis sinks, and the watcher of Redis, are told. Values; start-up only.
#pragma once

#include <vector>

#include "engine/config/config.hpp"
#include "sinks/redis/exactly_once/exactly_once_sink.hpp"
#include "sinks/redis/layout/encoder.hpp"
#include "sinks/redis/link/settings.hpp"

namespace sluice {

// The server of sink.url, and how to treat it. Draws the seed of its backoff.
[[nodiscard]] sinks::RedisSettings redis_settings(const config::Config& config);
// The same where sentinels tell which server it is: the settings ask them, on the thread that connects.
[[nodiscard]] sinks::RedisSettings sentinel_settings(const config::Config& config);
// The servers that sink.url names: of a cluster, or sentinels.
[[nodiscard]] std::vector<sinks::ServerAddress> servers_of(const config::SinkUrl& url);
// `owner`: of the streams, with exactly once; empty without.
[[nodiscard]] sinks::RedisLayoutSettings layout_settings(const config::Config& config, const sinks::StreamOwner& owner);

}  // namespace sluice
