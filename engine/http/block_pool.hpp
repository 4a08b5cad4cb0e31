// BlockPool and Output: the bytes on their way to clients.
//
// An Output is a chain of fixed-size blocks from the server's pool. A connection holds blocks only while it has
// something to say. One owner thread; blocks never move, so the kernel may read them until they are popped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/ingest_format.hpp"
#include "engine/core/lazy_array.hpp"
#include "engine/core/limits.hpp"

namespace sluice::http {

struct OutputBlock {
    static constexpr std::size_t capacity_bytes = limits::output_block_bytes - 32;

    OutputBlock* next;
    std::uint32_t end;               // data[0, end) is used
    // Responses that end in this block, and of the first of them times and format: what the latency histograms need.
    std::uint16_t responses_count;
    IngestFormat format;
    std::uint64_t received_ns;
    std::uint64_t ready_ns;
    [[nodiscard]] std::span<const char> bytes() const { return {data, end}; }
    char data[capacity_bytes];
};
static_assert(sizeof(OutputBlock) == limits::output_block_bytes);
static_assert(OutputBlock::capacity_bytes <= 0xffff, "responses_count has 16 bits");

class BlockPool {
  public:
    explicit BlockPool(std::size_t blocks_count_max) : blocks_(blocks_count_max) {}

    // Null when all blocks are in use. The last one given back is taken first: it is warm.
    [[nodiscard]] OutputBlock* take();
    void give_back(OutputBlock* block);
    [[nodiscard]] std::size_t in_use_count() const { return in_use_count_; }

  private:
    LazyArray<OutputBlock> blocks_;
    OutputBlock* free_ = nullptr;
    std::size_t touched_count_ = 0;
    std::size_t in_use_count_ = 0;
};

// Zero is empty. Owns its blocks until clear(), take_first() or splice(); moved, never copied. Does not give them back
// by itself: it does not know its pool.
struct Output {
    Output() = default;
    ~Output() = default;
    Output(Output&& other) noexcept
        : first(std::exchange(other.first, nullptr)),
          last(std::exchange(other.last, nullptr)),
          bytes(std::exchange(other.bytes, 0)) {}
    // What it held was given back before.
    Output& operator=(Output&& other) noexcept {
        DCHECK(first == nullptr);
        first = std::exchange(other.first, nullptr);
        last = std::exchange(other.last, nullptr);
        bytes = std::exchange(other.bytes, 0);
        return *this;
    }
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    OutputBlock* first = nullptr;
    OutputBlock* last = nullptr;
    std::uint64_t bytes = 0;

    [[nodiscard]] bool empty() const { return first == nullptr; }
    // False when the pool is used up: the response is incomplete and the connection must be closed.
    [[nodiscard]] bool append(BlockPool& pool, std::string_view text);
    // Moves all of `tail` behind this. A short one is copied into the last block, so that an answer and its head are
    // one send, and a client that reads nothing cannot hold a block for each of its small answers.
    void splice(BlockPool& pool, Output& tail);
    // Takes the first block out of the chain, so that nothing is appended to it while the kernel reads it.
    [[nodiscard]] OutputBlock* take_first();
    void clear(BlockPool& pool);
};

}  // namespace sluice::http
