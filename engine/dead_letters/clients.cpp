#include "engine/dead_letters/clients.hpp"

#include <algorithm>
#include <utility>

#include "engine/core/host_port.hpp"

namespace sluice::dead_letters {

using sinks::redis::BlockingClient;
using sinks::redis::Command;
using sinks::redis::is_error;
using sinks::redis::Reply;

Reply Clients::ask(const std::string& stream, const Command& command) {
    constexpr int attempts_count_max = 4;  // a stream moves seldom
    for (int i = 0; i < attempts_count_max; ++i) {
        BlockingClient* const client = client_of(stream);
        if (client == nullptr) return nullptr;
        Reply reply = client->ask(command);
        if (reply == nullptr) failure_ = client->failure();
        if (reply == nullptr || !is_error(*reply) || !sinks::redis::text_of(*reply).starts_with("MOVED ")) return reply;
        learn_owner(stream, sinks::redis::text_of(*reply));
    }
    failure_ = "the owner of " + stream + " is not found";
    return nullptr;
}

std::string Clients::server_of(const std::string& stream) const {
    if (const auto owner = owners_.find(stream); owner != owners_.end()) return owner->second;
    return seeds_.empty() ? std::string() : text_of(seeds_[seed_index_ % seeds_.size()]);
}

BlockingClient* Clients::client_of(const std::string& stream) {
    const std::string server = server_of(stream);
    auto& client = clients_[server];
    if (client == nullptr) {
        sinks::RedisSettings settings = redis_;
        if (const std::size_t colon = server.rfind(':'); colon != std::string::npos) {
            settings.host = server.substr(0, colon);
            if (settings.host.starts_with('[')) settings.host = settings.host.substr(1, settings.host.size() - 2);
            settings.port = static_cast<std::uint16_t>(std::stoul(server.substr(colon + 1)));
        }
        client = std::make_unique<BlockingClient>(std::move(settings), "sluice-dead");
    }
    if (client->is_connected() || client->connect()) return client.get();
    failure_ = client->failure();
    owners_.erase(stream);
    clients_.erase(server);
    ++seed_index_;
    return nullptr;
}

// `MOVED <slot> <host>:<port>`. Without a host it is the one that was asked.
void Clients::learn_owner(const std::string& stream, std::string_view error) {
    const std::string_view server = error.substr(error.rfind(' ') + 1);
    const std::size_t colon = server.rfind(':');
    const std::string_view port = colon == std::string_view::npos ? std::string_view{} : server.substr(colon + 1);
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const bool is_address = colon != 0 && !port.empty() && port.size() <= 5 && std::ranges::all_of(port, is_digit);
    if (is_address) owners_[stream] = std::string(server);
}

}  // namespace sluice::dead_letters
