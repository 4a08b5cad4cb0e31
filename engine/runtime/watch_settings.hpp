// From the configuration to what the watcher of Redis is told. Start-up only.
#pragma once

#include <optional>

#include "engine/config/config.hpp"
#include "engine/watch/watcher.hpp"

namespace sluice {

// What is sampled of Redis, to admit or not; nothing where there is no Redis.
[[nodiscard]] std::optional<watch::WatcherSettings> watcher_settings(const config::Config& config);

}  // namespace sluice
