#include "sinks/redis/cluster/slot_map.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"

namespace sluice::sinks::redis {
namespace {

// The node's entry of a range: host, port, id, and more in later versions (Redis 7.0, "CLUSTER SLOTS"). The host is nil
// or empty if clients are to use the one that they asked, and "?" if the node does not know its name.
std::optional<ServerAddress> address_of(const redisReply& node, const ServerAddress& asked) {
    if (node.type != REDIS_REPLY_ARRAY || node.elements < 2 || node.element[1]->type != REDIS_REPLY_INTEGER)
        return std::nullopt;
    const redisReply& host = *node.element[0];
    const long long port = node.element[1]->integer;
    if (port <= 0 || port > 65535) return std::nullopt;
    ServerAddress address{asked.host, static_cast<std::uint16_t>(port)};
    if (host.type == REDIS_REPLY_NIL) return address;
    if (host.type != REDIS_REPLY_STRING || host.len > limits::host_name_bytes_max) return std::nullopt;
    const std::string_view name(host.str, host.len);
    if (name == "?") return std::nullopt;
    if (!name.empty()) address.host = name;
    return address;
}

bool is_slot(const redisReply& reply) {
    return reply.type == REDIS_REPLY_INTEGER && reply.integer >= 0 &&
           reply.integer < static_cast<long long>(slots_count);
}

}  // namespace

std::expected<SlotMap, std::string> SlotMap::from(const redisReply& reply, const ServerAddress& asked) {
    if (reply.type != REDIS_REPLY_ARRAY) return std::unexpected("CLUSTER SLOTS answers something else than a list");
    SlotMap map;
    for (std::size_t i = 0; i < reply.elements; ++i) {
        const redisReply& range = *reply.element[i];
        const bool is_range = range.type == REDIS_REPLY_ARRAY && range.elements >= 3 && is_slot(*range.element[0]) &&
                              is_slot(*range.element[1]);
        if (!is_range) return std::unexpected("CLUSTER SLOTS lists something else than ranges of slots");
        for (std::size_t replica = 3; replica < range.elements; ++replica) {
            const auto address = address_of(*range.element[replica], asked);
            if (address && std::ranges::find(map.replicas_, *address) == map.replicas_.end())
                map.replicas_.push_back(*address);
        }
        const auto primary = address_of(*range.element[2], asked);
        if (!primary) continue;  // its slots have no owner that we could reach
        const std::uint16_t index = map.index_of(*primary);
        for (long long slot = range.element[0]->integer; slot <= range.element[1]->integer; ++slot)
            map.owners_[static_cast<std::size_t>(slot)] = index;
    }
    if (map.primaries_.empty()) return std::unexpected("knows of no slots that are served");
    return map;
}

void SlotMap::set_owner(std::uint16_t slot, const ServerAddress& primary) {
    CHECK(slot < slots_count);
    owners_[slot] = index_of(primary);
}

std::uint16_t SlotMap::index_of(const ServerAddress& primary) {
    const auto found = std::ranges::find(primaries_, primary);
    if (found != primaries_.end()) return static_cast<std::uint16_t>(found - primaries_.begin());
    CHECK(primaries_.size() < nobody);
    primaries_.push_back(primary);
    return static_cast<std::uint16_t>(primaries_.size() - 1);
}

std::vector<ServerAddress> who_may_know(std::vector<ServerAddress> first, const SlotMap& map,
                                        const std::vector<ServerAddress>& seeds) {
    std::vector<ServerAddress> all = std::move(first);
    const auto add = [&all](const ServerAddress& address) {
        if (std::ranges::find(all, address) == all.end()) all.push_back(address);
    };
    std::ranges::for_each(map.primaries(), add);
    std::ranges::for_each(map.replicas(), add);
    std::ranges::for_each(seeds, add);
    return all;
}

}  // namespace sluice::sinks::redis
