// How reading the file of tenants went. The main thread writes; the admin thread reads, relaxed.
#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::tenants {

struct ReloadFigures {
    std::atomic<std::uint64_t> generation{0};  // of the table in use; 0: there are no tenants
    std::atomic<std::uint64_t> tenants{0};     // in it
    std::atomic<std::uint64_t> reloads{0};     // that were taken
    std::atomic<std::uint64_t> failures{0};    // that were not: the table before stayed
    std::atomic<bool> is_last_good{true};
};

}  // namespace sluice::tenants
