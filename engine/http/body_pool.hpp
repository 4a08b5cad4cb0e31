// BodyPool: memory for request bodies that do not lie whole in one receive buffer, and for bytes that wait.
//
// Blocks of power-of-two sizes, kept for reuse, within one bound for all of them: a server under many half-sent
// bodies refuses the next one instead of growing. Where the rounded size does not fit the bound, a block has the size
// that was asked for: so whatever fits the bound beside what is in use is taken. Each block has padding behind it for
// the JSON decoder, which the bound does not count.
// Rejected alternative: a contiguous arena with a buddy allocator; mapping each block on its own lets the kernel
// take back what an old burst left, and is as fast once warm.
//
// One owner thread: that of the server whose connections share it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"

namespace sluice::http {

// Owns its memory until give_back(); moved, never copied. Does not give it back by itself: it does not know its pool.
struct BodyBlock {
    BodyBlock() = default;
    BodyBlock(char* block_data, std::size_t block_capacity_bytes)
        : data(block_data), capacity_bytes(block_capacity_bytes) {}
    ~BodyBlock() = default;
    BodyBlock(BodyBlock&& other) noexcept
        : data(std::exchange(other.data, nullptr)), capacity_bytes(std::exchange(other.capacity_bytes, 0)) {}
    // What it held was given back before.
    BodyBlock& operator=(BodyBlock&& other) noexcept {
        DCHECK(data == nullptr);
        data = std::exchange(other.data, nullptr);
        capacity_bytes = std::exchange(other.capacity_bytes, 0);
        return *this;
    }
    BodyBlock(const BodyBlock&) = delete;
    BodyBlock& operator=(const BodyBlock&) = delete;

    char* data = nullptr;
    std::size_t capacity_bytes = 0;  // without the padding
};

class BodyPool {
  public:
    static constexpr std::size_t padding_bytes = limits::body_padding_bytes;
    static constexpr std::size_t block_bytes_min = limits::body_block_bytes_min;

    explicit BodyPool(std::size_t memory_bytes_max) : memory_bytes_max_(memory_bytes_max) {}
    ~BodyPool();
    BodyPool(const BodyPool&) = delete;
    BodyPool& operator=(const BodyPool&) = delete;

    // A block of at least `bytes`; data is null when they do not fit the bound beside what is in use.
    [[nodiscard]] BodyBlock take(std::size_t bytes);
    // Makes room for `bytes`, more than `block` has, and keeps its first `used_bytes`; `block` may be empty. False when
    // they do not fit the bound: `block` is as before.
    [[nodiscard]] bool grow(BodyBlock& block, std::size_t bytes, std::size_t used_bytes);
    void give_back(BodyBlock& block);
    [[nodiscard]] std::size_t in_use_bytes() const { return in_use_bytes_; }
    // Of all blocks in use.
    [[nodiscard]] std::size_t memory_bytes_max() const { return memory_bytes_max_; }

    [[nodiscard]] bool has_free() const { return mapped_bytes_ != in_use_bytes_; }
    // Blocks that were free all the time since the last call are given back to the system, by unmap_unused().
    void look_at_use();
    // At most `bytes_max` of them, a multiple of the page size: unmapping takes a millisecond for some 16 MiB. True:
    // there are more.
    bool unmap_unused(std::size_t bytes_max);

  private:
    static constexpr std::size_t classes_count = 16;
    static_assert(block_bytes_min << (classes_count - 1) >= limits::request_body_bytes_max);
    struct FreeBlock {
        FreeBlock* next;
    };
    // Of one size.
    struct SizeClass {
        FreeBlock* first = nullptr;
        std::uint32_t count = 0;
        std::uint32_t count_min = 0;  // since look_at_use()
        std::uint32_t unused_count = 0;  // to be unmapped
    };

    [[nodiscard]] static std::size_t class_of(std::size_t bytes);
    [[nodiscard]] static std::size_t class_bytes(std::size_t size_class_index);
    // That blocks in use leave of the bound: free ones give way.
    [[nodiscard]] std::size_t room_bytes() const { return memory_bytes_max_ - in_use_bytes_; }
    [[nodiscard]] BodyBlock map(std::size_t capacity_bytes);
    [[nodiscard]] bool has_rounded(std::size_t bytes) const;
    [[nodiscard]] bool stretch(BodyBlock& block, std::size_t bytes);
    void unmap(void* memory, std::size_t capacity_bytes);
    [[nodiscard]] FreeBlock* pop_free(std::size_t size_class_index);
    void unmap_free(std::size_t size_class_index);
    [[nodiscard]] bool begin_leaving();
    void unmap_leaving(std::size_t bytes_max);
    void trim(std::size_t wanted_bytes);

    std::array<SizeClass, classes_count> free_{};
    char* leaving_ = nullptr;  // a block that is unmapped in parts, from its end; not counted in mapped_bytes_
    std::size_t leaving_bytes_ = 0;  // left of it, with the padding
    std::size_t memory_bytes_max_;
    std::size_t mapped_bytes_ = 0;  // in use and free, without the padding
    std::size_t in_use_bytes_ = 0;  // likewise
};

}  // namespace sluice::http
