#include "engine/http/body_pool.hpp"

#include <sys/mman.h>

#include <bit>

#include "engine/core/check.hpp"

namespace sluice::http {

std::size_t BodyPool::class_of(std::size_t bytes) {
    if (bytes <= block_bytes_min) return 0;
    return static_cast<std::size_t>(std::countr_zero(std::bit_ceil(bytes) / block_bytes_min));
}

std::size_t BodyPool::mapped_bytes(std::size_t size_class_index) {
    return (block_bytes_min << size_class_index) + padding_bytes;
}

BodyPool::~BodyPool() {
    for (std::size_t size_class_index = 0; size_class_index < classes_count; ++size_class_index)
        while (free_[size_class_index] != nullptr) unmap(free_[size_class_index], size_class_index);
}

BodyBlock BodyPool::take(std::size_t bytes) {
    const std::size_t size_class_index = class_of(bytes);
    if (size_class_index >= classes_count) return {};
    FreeBlock* block = free_[size_class_index];
    if (block != nullptr) {
        free_[size_class_index] = block->next;
    } else {
        const std::size_t wanted = mapped_bytes(size_class_index);
        if (mapped_bytes_ + wanted > memory_bytes_max_) trim(wanted);
        if (mapped_bytes_ + wanted > memory_bytes_max_) return {};
        void* memory = ::mmap(nullptr, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) return {};
        mapped_bytes_ += wanted;
        block = static_cast<FreeBlock*>(memory);
    }
    in_use_bytes_ += mapped_bytes(size_class_index);
    return {reinterpret_cast<char*>(block), block_bytes_min << size_class_index};
}

void BodyPool::give_back(BodyBlock& block) {
    if (block.data == nullptr) return;
    const std::size_t size_class_index = class_of(block.capacity_bytes);
    CHECK(size_class_index < classes_count && in_use_bytes_ >= mapped_bytes(size_class_index));
    auto* free_block = reinterpret_cast<FreeBlock*>(block.data);
    free_block->next = free_[size_class_index];
    free_[size_class_index] = free_block;
    in_use_bytes_ -= mapped_bytes(size_class_index);
    block.data = nullptr;
    block.capacity_bytes = 0;
}

void BodyPool::unmap(FreeBlock* block, std::size_t size_class_index) {
    free_[size_class_index] = block->next;
    mapped_bytes_ -= mapped_bytes(size_class_index);
    ::munmap(block, mapped_bytes(size_class_index));
}

// Unmaps free blocks of other sizes until `wanted_bytes` fit, the largest first.
void BodyPool::trim(std::size_t wanted_bytes) {
    for (std::size_t size_class_index = classes_count; size_class_index-- > 0;)
        while (free_[size_class_index] != nullptr && mapped_bytes_ + wanted_bytes > memory_bytes_max_)
            unmap(free_[size_class_index], size_class_index);
}

}  // namespace sluice::http
