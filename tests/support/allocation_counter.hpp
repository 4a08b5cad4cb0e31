// Counts heap allocations of the test binary, so that a test can prove that a path makes none: malloc, calloc and
// realloc are replaced, which also counts operator new and what C libraries allocate. Not under sanitizers, which
// replace them themselves.
#pragma once

#include <cstdint>

namespace sluice::tests {

[[nodiscard]] bool can_count_allocations();

// Allocations of the calling thread since it started; 0 where they cannot be counted.
[[nodiscard]] std::uint64_t allocations_count();

// Those of all other threads, for a test that drives an engine from its own.
[[nodiscard]] std::uint64_t allocations_of_others_count();

}  // namespace sluice::tests
