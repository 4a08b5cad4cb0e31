#include "engine/server/address_connections.hpp"

#include "engine/core/check.hpp"

namespace sluice {

AddressConnections::AddressConnections(std::uint32_t count_max, std::uint64_t seed)
    : count_max_(count_max), seed_(seed) {
    for (Shard& shard : shards_) shard.counts = Counts(0, Hash{seed});
}

bool AddressConnections::enter(const IpAddress& address) {
    Shard& shard = shard_of(address);
    const std::lock_guard guard(shard.lock);
    std::uint32_t& count = shard.counts[address];
    if (count >= count_max_) return false;  // it has an entry already: count_max_ is not 0
    ++count;
    return true;
}

void AddressConnections::leave(const IpAddress& address) {
    Shard& shard = shard_of(address);
    const std::lock_guard guard(shard.lock);
    const auto entry = shard.counts.find(address);
    CHECK(entry != shard.counts.end() && entry->second != 0);
    if (--entry->second == 0) shard.counts.erase(entry);
}

std::size_t AddressConnections::addresses_count() {
    std::size_t count = 0;
    for (Shard& shard : shards_) {
        const std::lock_guard guard(shard.lock);
        count += shard.counts.size();
    }
    return count;
}

}  // namespace sluice
