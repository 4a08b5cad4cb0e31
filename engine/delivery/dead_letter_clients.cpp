#include "engine/delivery/dead_letter_clients.hpp"

#include "engine/delivery/redis_settings.hpp"

namespace sluice {

std::unique_ptr<dead_letters::Clients> dead_letter_clients(const config::Config& config) {
    using dead_letters::Clients;
    switch (config.sink.url.kind) {
        case config::SinkKind::redis:
            return std::make_unique<Clients>(redis_settings(config), std::vector<sinks::ServerAddress>{});
        case config::SinkKind::redis_sentinel:
            return std::make_unique<Clients>(sentinel_settings(config), std::vector<sinks::ServerAddress>{});
        case config::SinkKind::redis_cluster:
            return std::make_unique<Clients>(redis_settings(config), servers_of(config.sink.url));
        case config::SinkKind::null:
        case config::SinkKind::journal: break;
    }
    return nullptr;
}

}  // namespace sluice
