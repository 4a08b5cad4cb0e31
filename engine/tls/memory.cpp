#include "engine/tls/memory.hpp"

#include <malloc.h>
#include <openssl/crypto.h>

#include <array>
#include <cstddef>
#include <cstdlib>

namespace sluice::tls {
namespace {

// Blocks of `block_bytes` that a thread keeps, for requests of `request_bytes_min` to that.
template <std::size_t request_bytes_min, std::size_t block_bytes, std::size_t blocks_count_max>
class Kept {
  public:
    Kept() = default;
    ~Kept() {
        is_over_ = true;
        while (count_ > 0) std::free(blocks_[--count_]);
    }
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;

    [[nodiscard]] static bool is_for(std::size_t bytes) { return bytes >= request_bytes_min && bytes <= block_bytes; }
    [[nodiscard]] void* take() { return count_ > 0 ? blocks_[--count_] : std::malloc(block_bytes); }
    // False: it is not of this size, or enough are kept. malloc(3) rounds up by less than 32 bytes.
    [[nodiscard]] bool keep(void* block, std::size_t usable_bytes) {
        const bool is_one = usable_bytes >= block_bytes && usable_bytes < block_bytes + 32;
        if (!is_one || is_over_ || count_ == blocks_.size()) return false;
        blocks_[count_++] = block;
        return true;
    }

  private:
    std::array<void*, blocks_count_max> blocks_{};
    std::size_t count_ = 0;
    bool is_over_ = false;  // the thread ends
};

// A buffer is 16 KiB and what headers, tags and alignment need: 16.3 to 17.4 KiB with OpenSSL 3.0 to 3.5. A session
// that reads and writes at once has two.
thread_local Kept<16 * 1024, 18 * 1024, 4> buffers;
thread_local Kept<1, 64, 16> smalls;

void* allocate(std::size_t bytes, const char*, int) {
    if (buffers.is_for(bytes)) return buffers.take();
    return smalls.is_for(bytes) ? smalls.take() : std::malloc(bytes);
}

void* reallocate(void* memory, std::size_t bytes, const char*, int) { return std::realloc(memory, bytes); }

void release(void* memory, const char*, int) {
    if (memory == nullptr) return;
    const std::size_t usable_bytes = ::malloc_usable_size(memory);
    if (!smalls.keep(memory, usable_bytes) && !buffers.keep(memory, usable_bytes)) std::free(memory);
}

}  // namespace

void keep_record_buffers() { static_cast<void>(CRYPTO_set_mem_functions(allocate, reallocate, release)); }

}  // namespace sluice::tls
