// SlotMap: which primary owns which slot, as CLUSTER SLOTS told it and MOVED has corrected since.
//
// CLUSTER SLOTS and not CLUSTER SHARDS: every version of Redis Cluster has it, it names exactly one owner for each
// range, and it has what is needed here, which is no more than that.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "sinks/redis/cluster/slot.hpp"
#include "sinks/redis/link/settings.hpp"

struct redisReply;

namespace sluice::sinks::redis {

class SlotMap {
  public:
    SlotMap() { owners_.fill(nobody); }

    // From the reply to CLUSTER SLOTS of the node at `asked`, whose host stands for one that the reply leaves open. The
    // error is a sentence; a map without any slot is one.
    [[nodiscard]] static std::expected<SlotMap, std::string> from(const redisReply& reply, const ServerAddress& asked);

    // Null: nobody serves it. Valid until the map is changed.
    [[nodiscard]] const ServerAddress* owner(std::uint16_t slot) const {
        return owners_[slot] == nobody ? nullptr : &primaries_[owners_[slot]];
    }
    void set_owner(std::uint16_t slot, const ServerAddress& primary);
    // Everybody who ever owned a slot of this map, and maybe still does.
    [[nodiscard]] const std::vector<ServerAddress>& primaries() const { return primaries_; }
    // Their replicas, who know the slots as well, and may be primaries by now.
    [[nodiscard]] const std::vector<ServerAddress>& replicas() const { return replicas_; }

  private:
    static constexpr std::uint16_t nobody = 0xFFFF;

    [[nodiscard]] std::uint16_t index_of(const ServerAddress& primary);

    std::vector<ServerAddress> primaries_;
    std::vector<ServerAddress> replicas_;
    std::array<std::uint16_t, slots_count> owners_;  // indexes into primaries_
};

// Whoever may know the slots, each once: `first`, who is named in `map`, and the seeds, since all others may be gone.
[[nodiscard]] std::vector<ServerAddress> who_may_know(std::vector<ServerAddress> first, const SlotMap& map,
                                                      const std::vector<ServerAddress>& seeds);

}  // namespace sluice::sinks::redis
