#include "tests/support/allocation_counter.hpp"

#include <execinfo.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>

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

using ThreadName = std::array<char, 16>;  // PR_GET_NAME

struct Record {
    ThreadName thread{};
    std::array<void*, 16> frames{};
    int frames_count = 0;
};

// What an AllocationWatch sees.
struct Watched {
    std::atomic<bool> is_on{false};
    ThreadName exempt{};
    std::atomic<std::uint64_t> count{0};
    std::array<Record, 8> first{};  // of those, `count` are written
};
constinit Watched watched;
thread_local bool is_watcher = false;

[[maybe_unused]] void watch_one() {
    if (is_watcher || !watched.is_on.load(std::memory_order_acquire)) return;
    ThreadName name{};
    ::prctl(PR_GET_NAME, name.data());
    if (watched.exempt.front() != 0 && name == watched.exempt) return;
    const std::uint64_t index = watched.count.fetch_add(1, std::memory_order_relaxed);
    if (index >= watched.first.size()) return;
    Record& record = watched.first[index];
    record.thread = name;
    record.frames_count = ::backtrace(record.frames.data(), static_cast<int>(record.frames.size()));
}

[[maybe_unused]] void count_one() {
    ++allocations;
    all_allocations.fetch_add(1, std::memory_order_relaxed);
    watch_one();
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

AllocationWatch::AllocationWatch(std::string_view exempt_thread) {
    is_watcher = true;
    Record first{};
    static_cast<void>(::backtrace(first.frames.data(), 1));  // its first call allocates
    watched.exempt = {};
    std::ranges::copy(exempt_thread.substr(0, watched.exempt.size() - 1), watched.exempt.begin());
    watched.count.store(0, std::memory_order_relaxed);
    watched.is_on.store(true, std::memory_order_release);
}

AllocationWatch::~AllocationWatch() {
    watched.is_on.store(false, std::memory_order_release);
    is_watcher = false;
}

std::uint64_t AllocationWatch::count() const { return watched.count.load(std::memory_order_relaxed); }

std::string AllocationWatch::first_ones() const {
    std::string text;
    for (std::size_t i = 0; i < std::min<std::size_t>(count(), watched.first.size()); ++i) {
        const Record& record = watched.first[i];
        text += "\n" + std::string(record.thread.data()) + ":";
        char** const frames = ::backtrace_symbols(record.frames.data(), record.frames_count);
        // The first frames are those of the counter.
        for (int frame = 3; frames != nullptr && frame < record.frames_count; ++frame)
            text += "\n    " + std::string(frames[frame]);
        std::free(frames);
    }
    return text;
}

}  // namespace sluice::tests
