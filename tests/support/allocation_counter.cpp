#include "tests/support/allocation_counter.hpp"

#include <atomic>
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLUICE_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SLUICE_COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef SLUICE_COUNTS_ALLOCATIONS
#define SLUICE_COUNTS_ALLOCATIONS 1
#endif

namespace {
thread_local std::uint64_t allocations = 0;
// Of the whole process. Relaxed: a count, which its reader compares after it has heard from the other threads.
std::atomic<std::uint64_t> all_allocations{0};

[[maybe_unused]] void count_one() {
    ++allocations;
    all_allocations.fetch_add(1, std::memory_order_relaxed);
}
}  // namespace

#if SLUICE_COUNTS_ALLOCATIONS
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);

void* malloc(std::size_t bytes) {
    count_one();
    return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
    count_one();
    return __libc_calloc(count, bytes);
}
void* realloc(void* memory, std::size_t bytes) {
    count_one();
    return __libc_realloc(memory, bytes);
}
}  // extern "C"
#endif

namespace sluice::tests {

bool can_count_allocations() { return SLUICE_COUNTS_ALLOCATIONS != 0; }
std::uint64_t allocations_count() { return allocations; }
std::uint64_t allocations_of_others_count() { return all_allocations.load(std::memory_order_relaxed) - allocations; }

}  // namespace sluice::tests
