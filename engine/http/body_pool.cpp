#include "engine/http/body_pool.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "engine/core/check.hpp"

namespace sluice::http {

std::size_t BodyPool::class_of(std::size_t bytes) {
    if (bytes <= block_bytes_min) return 0;
    return static_cast<std::size_t>(std::countr_zero(std::bit_ceil(bytes) / block_bytes_min));
}

std::size_t BodyPool::class_bytes(std::size_t size_class_index) { return block_bytes_min << size_class_index; }

BodyPool::~BodyPool() {
    unmap_leaving(leaving_bytes_);
    for (std::size_t size_class_index = 0; size_class_index < classes_count; ++size_class_index)
        while (free_[size_class_index].first != nullptr) unmap_free(size_class_index);
}

BodyBlock BodyPool::take(std::size_t bytes) {
    const std::size_t size_class_index = class_of(bytes);
    if (size_class_index >= classes_count) return {};
    const std::size_t rounded_bytes = class_bytes(size_class_index);
    if (free_[size_class_index].first == nullptr) return map(rounded_bytes <= room_bytes() ? rounded_bytes : bytes);
    in_use_bytes_ += rounded_bytes;
    return {reinterpret_cast<char*>(pop_free(size_class_index)), rounded_bytes};
}

BodyBlock BodyPool::map(std::size_t capacity_bytes) {
    if (capacity_bytes == 0 || capacity_bytes > room_bytes()) return {};
    trim(capacity_bytes);
    void* const memory =
        ::mmap(nullptr, capacity_bytes + padding_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return {};
    mapped_bytes_ += capacity_bytes;
    in_use_bytes_ += capacity_bytes;
    return {static_cast<char*>(memory), capacity_bytes};
}

bool BodyPool::grow(BodyBlock& block, std::size_t bytes, std::size_t used_bytes) {
    CHECK(bytes > block.capacity_bytes && used_bytes <= block.capacity_bytes);
    if (block.data != nullptr && !has_rounded(bytes)) return stretch(block, bytes);
    BodyBlock larger = take(bytes);
    if (larger.data == nullptr) return false;
    if (used_bytes != 0) std::memcpy(larger.data, block.data, used_bytes);
    give_back(block);
    block = std::move(larger);
    return true;
}

// A block of a class for `bytes`, beside what is in use.
bool BodyPool::has_rounded(std::size_t bytes) const {
    const std::size_t size_class_index = class_of(bytes);
    if (size_class_index >= classes_count) return false;
    return free_[size_class_index].first != nullptr || class_bytes(size_class_index) <= room_bytes();
}

// Where old and new block do not fit side by side: the kernel moves the pages. By an eighth at least if there is room,
// so that a body that comes in small pieces is not moved for each.
bool BodyPool::stretch(BodyBlock& block, std::size_t bytes) {
    if (bytes > class_bytes(classes_count - 1)) return false;
    const std::size_t capacity_bytes =
        std::min(std::max(bytes, block.capacity_bytes + block.capacity_bytes / 8), block.capacity_bytes + room_bytes());
    if (capacity_bytes < bytes) return false;
    const std::size_t added_bytes = capacity_bytes - block.capacity_bytes;
    trim(added_bytes);
    void* const memory =
        ::mremap(block.data, block.capacity_bytes + padding_bytes, capacity_bytes + padding_bytes, MREMAP_MAYMOVE);
    if (memory == MAP_FAILED) return false;
    mapped_bytes_ += added_bytes;
    in_use_bytes_ += added_bytes;
    block.data = static_cast<char*>(memory);
    block.capacity_bytes = capacity_bytes;
    return true;
}

void BodyPool::give_back(BodyBlock& block) {
    if (block.data == nullptr) return;
    CHECK(in_use_bytes_ >= block.capacity_bytes);
    in_use_bytes_ -= block.capacity_bytes;
    const std::size_t size_class_index = class_of(block.capacity_bytes);
    if (block.capacity_bytes == class_bytes(size_class_index)) {
        auto* const free_block = reinterpret_cast<FreeBlock*>(block.data);
        free_block->next = free_[size_class_index].first;
        free_[size_class_index].first = free_block;
        ++free_[size_class_index].count;
    } else {  // of a size that is not asked for again
        unmap(block.data, block.capacity_bytes);
    }
    block.data = nullptr;
    block.capacity_bytes = 0;
}

void BodyPool::unmap(void* memory, std::size_t capacity_bytes) {
    mapped_bytes_ -= capacity_bytes;
    ::munmap(memory, capacity_bytes + padding_bytes);
}

BodyPool::FreeBlock* BodyPool::pop_free(std::size_t size_class_index) {
    SizeClass& free = free_[size_class_index];
    FreeBlock* const block = free.first;
    free.first = block->next;
    --free.count;
    free.count_min = std::min(free.count_min, free.count);
    return block;
}

void BodyPool::unmap_free(std::size_t size_class_index) {
    unmap(pop_free(size_class_index), class_bytes(size_class_index));
}

void BodyPool::look_at_use() {
    for (SizeClass& free : free_) free.unused_count = std::exchange(free.count_min, free.count);
}

bool BodyPool::unmap_unused(std::size_t bytes_max) {
    if (leaving_ == nullptr && !begin_leaving()) return false;
    unmap_leaving(bytes_max);
    return true;
}

// The next unused block. It is as good as unmapped: what needs room unmaps the rest of it first (trim()).
bool BodyPool::begin_leaving() {
    for (std::size_t size_class_index = classes_count; size_class_index-- > 0;) {
        SizeClass& free = free_[size_class_index];
        if (free.unused_count == 0 || free.first == nullptr) continue;
        --free.unused_count;
        leaving_ = reinterpret_cast<char*>(pop_free(size_class_index));
        leaving_bytes_ = class_bytes(size_class_index) + padding_bytes;
        mapped_bytes_ -= class_bytes(size_class_index);
        return true;
    }
    return false;
}

void BodyPool::unmap_leaving(std::size_t bytes_max) {
    if (leaving_ == nullptr) return;
    // The rest ends where a page ends, so that no other mapping is met.
    const std::size_t capacity_bytes = leaving_bytes_ / block_bytes_min * block_bytes_min;
    const std::size_t kept_bytes = capacity_bytes - std::min(capacity_bytes, bytes_max);
    ::munmap(leaving_ + kept_bytes, leaving_bytes_ - kept_bytes);
    leaving_bytes_ = kept_bytes;
    if (kept_bytes == 0) leaving_ = nullptr;
}

// Unmaps free blocks until `wanted_bytes` fit, the largest first. Precondition: they fit beside what is in use.
void BodyPool::trim(std::size_t wanted_bytes) {
    unmap_leaving(leaving_bytes_);
    for (std::size_t size_class_index = classes_count; size_class_index-- > 0;)
        while (free_[size_class_index].first != nullptr && mapped_bytes_ + wanted_bytes > memory_bytes_max_)
            unmap_free(size_class_index);
}

}  // namespace sluice::http
