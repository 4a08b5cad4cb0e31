// Who asks Redis for dead letters, from the configuration. Start-up.
#pragma once

#include <memory>

#include "engine/config/config.hpp"
#include "engine/dead_letters/clients.hpp"

namespace sluice {

// Null: the sink is no Redis.
[[nodiscard]] std::unique_ptr<dead_letters::Clients> dead_letter_clients(const config::Config& config);

}  // namespace sluice
