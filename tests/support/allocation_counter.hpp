// Counts heap allocations of the test binary, so that a test can prove that a path makes none: malloc, calloc and
// realloc are replaced, which also counts operator new and what C libraries allocate. Not under sanitizers, which
// replace them themselves.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::tests {

[[nodiscard]] bool can_count_allocations();

// Allocations of the calling thread since it started; 0 where they cannot be counted.
[[nodiscard]] std::uint64_t allocations_count();

// Those of all other threads, for a test that drives an engine from its own.
[[nodiscard]] std::uint64_t allocations_of_others_count();

// Records, while it lives, the allocations of all threads but its own. One at a time.
class AllocationWatch {
  public:
    // Allocations of a thread called `exempt_thread` (its name for the kernel) are left out.
    explicit AllocationWatch(std::string_view exempt_thread = {});
    ~AllocationWatch();
    AllocationWatch(const AllocationWatch&) = delete;
    AllocationWatch& operator=(const AllocationWatch&) = delete;

    // Since the construction.
    [[nodiscard]] std::uint64_t count() const;
    // Thread and call stack of the first ones. addr2line -Cfie BINARY OFFSET names the lines.
    [[nodiscard]] std::string first_ones() const;
};

}  // namespace sluice::tests
