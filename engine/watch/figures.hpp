// Figures: what was last seen of Redis and of those who read from it. Missing ones are not known: Redis is away, the
// user may not ask, or there is none. A value: the watcher's thread fills it, and gives copies to others.
#pragma once

#include <cstdint>
#include <optional>

namespace sluice::watch {

struct Figures {
    std::optional<std::uint64_t> length_sum;  // entries of all partitions
    std::optional<std::uint64_t> length_max;  // of the longest one
    std::optional<std::uint64_t> group_lag_max;  // entries that the slowest group has not been given, of one partition
    std::optional<std::uint64_t> used_bytes;  // memory that Redis counts against its bound
    std::optional<std::uint64_t> limit_bytes;  // maxmemory; 0: none
};

}  // namespace sluice::watch
