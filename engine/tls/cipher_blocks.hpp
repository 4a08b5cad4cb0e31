// CipherPool and CipherOutput: sealed bytes on their way to clients.
//
// An output is a chain of blocks from the server's pool; the kernel reads one of them at a time. One owner thread.
// Blocks never move. A connection holds some only while it has something to say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/core/lazy_array.hpp"
#include "engine/core/limits.hpp"

namespace sluice::tls {

struct CipherBlock {
    static constexpr std::size_t capacity_bytes = limits::cipher_block_bytes - 16;

    CipherBlock* next;
    std::uint32_t end;  // data[0, end) is used
    char data[capacity_bytes];
    [[nodiscard]] std::span<const char> bytes() const { return {data, end}; }
};

class CipherPool {
  public:
    explicit CipherPool(std::size_t blocks_count_max) : blocks_(blocks_count_max) {}

    // Null when all blocks are in use. The last one given back is taken first: it is warm.
    [[nodiscard]] CipherBlock* take();
    void give_back(CipherBlock* block);
    [[nodiscard]] std::size_t in_use_count() const { return in_use_count_; }

  private:
    LazyArray<CipherBlock> blocks_;
    CipherBlock* free_ = nullptr;
    std::size_t touched_count_ = 0;
    std::size_t in_use_count_ = 0;
};

// Does not give its blocks back by itself: see clear().
class CipherOutput {
  public:
    // False when the pool is used up, or the output is longer than any answer: what was appended is incomplete, and the
    // connection must end.
    [[nodiscard]] bool append(CipherPool& pool, std::span<const char> bytes);
    [[nodiscard]] bool empty() const { return first_ == nullptr; }
    // The caller gives it back. Nothing is appended to it while the kernel reads it.
    [[nodiscard]] CipherBlock* take_first();
    void clear(CipherPool& pool);

  private:
    // An output block sealed, and what a handshake or the peer's own messages bring about beside it.
    static constexpr std::uint32_t blocks_count_max = 16;

    CipherBlock* first_ = nullptr;
    CipherBlock* last_ = nullptr;
    std::uint32_t blocks_count_ = 0;
};

}  // namespace sluice::tls
