// AddressConnections: how many connections each address has, over all reactors, of which it may have a bounded number.
//
// Shared by the reactors: the kernel spreads the connections of one address over all of them, so none can count alone.
// Touched when a connection is opened and when it is gone, never by a request. An address has an entry while it has a
// connection; so there are at most as many entries as connections. Cut into shards with a lock each, by a seeded hash,
// so that reactors seldom meet. Rejected: a table of hashes without locks, in which two addresses may share a place and
// one of them is refused for the other's connections.
//
// Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "engine/core/cache_line.hpp"
#include "engine/core/ip_address.hpp"

namespace sluice {

class AddressConnections {
  public:
    // `seed`: which addresses meet is not known to clients.
    AddressConnections(std::uint32_t count_max, std::uint64_t seed);

    // One more connection. False: it is one too many, and is not counted. `address`: as counted_address() has it.
    [[nodiscard]] bool enter(const IpAddress& address);
    // One that entered is gone.
    void leave(const IpAddress& address);
    // That have a connection. For tests.
    [[nodiscard]] std::size_t addresses_count();

  private:
    static constexpr std::size_t shards_count = 64;

    struct Hash {
        std::uint64_t seed;
        std::size_t operator()(const IpAddress& address) const { return hash_of(address, seed); }
    };
    using Counts = std::unordered_map<IpAddress, std::uint32_t, Hash>;
    struct alignas(cache_line_bytes) Shard {
        std::mutex lock;
        Counts counts{0, Hash{0}};
    };

    [[nodiscard]] Shard& shard_of(const IpAddress& address) { return shards_[hash_of(address, ~seed_) % shards_count]; }

    const std::uint32_t count_max_;
    const std::uint64_t seed_;
    std::array<Shard, shards_count> shards_;
};

}  // namespace sluice
