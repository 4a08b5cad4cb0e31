// How reading the file of tenants went, and what became of refused records. The main thread writes the former, reactors
// and the thread of dead letters the latter; the admin thread reads, relaxed.
#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::tenants {

struct TenantsFigures {
    std::atomic<std::uint64_t> generation{0};  // of the table in use; 0: there are no tenants
    std::atomic<std::uint64_t> tenants{0};  // in it
    std::atomic<std::uint64_t> reloads{0};  // that were taken
    std::atomic<std::uint64_t> failures{0};  // that were not: the table before stayed
    std::atomic<bool> is_last_good{true};
    std::atomic<std::uint64_t> dead_letters{0};  // written into Redis
    std::atomic<std::uint64_t> dead_letters_dropped{0};  // for want of room, or of a Redis that takes them
};

}  // namespace sluice::tenants
