#include "engine/tls/memory.hpp"

#include <malloc.h>
#include <openssl/crypto.h>

#include <array>
#include <cstddef>
#include <cstdlib>

namespace sluice::tls {
namespace {

// A buffer is 16 KiB and what headers, tags and alignment need: 16.3 to 17.4 KiB with OpenSSL 3.0 to 3.5.
constexpr std::size_t buffer_bytes_min = 16 * 1024;
constexpr std::size_t buffer_bytes_max = 18 * 1024;

// A session that reads and writes at once has two.
struct Kept {
    std::array<void*, 4> buffers{};
    std::size_t count = 0;
    bool is_gone = false;  // the thread ends

    Kept() = default;
    ~Kept() {
        is_gone = true;
        while (count > 0) std::free(buffers[--count]);
    }
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;
};
thread_local Kept kept;

void* allocate(std::size_t bytes, const char*, int) {
    if (bytes < buffer_bytes_min || bytes > buffer_bytes_max) return std::malloc(bytes);
    if (kept.count > 0) return kept.buffers[--kept.count];
    return std::malloc(buffer_bytes_max);
}

void* reallocate(void* memory, std::size_t bytes, const char*, int) { return std::realloc(memory, bytes); }

// What is as large as a buffer may become one.
void release(void* memory, const char*, int) {
    if (memory == nullptr) return;
    const std::size_t bytes = ::malloc_usable_size(memory);
    const bool is_buffer = bytes >= buffer_bytes_max && bytes < 2 * buffer_bytes_max;
    if (!is_buffer || kept.is_gone || kept.count == kept.buffers.size()) return std::free(memory);
    kept.buffers[kept.count++] = memory;
}

}  // namespace

void keep_record_buffers() { static_cast<void>(CRYPTO_set_mem_functions(allocate, reallocate, release)); }

}  // namespace sluice::tls
