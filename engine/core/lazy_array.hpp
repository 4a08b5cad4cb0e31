// LazyArray: a fixed number of T in zeroed memory whose pages cost nothing until they are touched.
//
// For tables sized by a bound (connections, pending requests) that are mostly empty: the address space is
// reserved at start, so growth never moves or allocates. T must be valid as all zero bytes and trivially
// destructible. Rejected alternative: std::vector, which touches every page when it is made.
//
// One thread at a time; its owner says which.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <type_traits>

#include "engine/core/check.hpp"

namespace sluice {

template <typename T>
class LazyArray {
    static_assert(std::is_trivially_destructible_v<T>);

  public:
    explicit LazyArray(std::size_t count) : count_(count) {
        void* memory =
            ::mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        CHECK(memory != MAP_FAILED);
        items_ = static_cast<T*>(memory);
    }
    ~LazyArray() { ::munmap(static_cast<void*>(items_), bytes()); }
    LazyArray(const LazyArray&) = delete;
    LazyArray& operator=(const LazyArray&) = delete;

    [[nodiscard]] T& operator[](std::size_t index) {
        CHECK(index < count_);
        return items_[index];
    }
    [[nodiscard]] const T& operator[](std::size_t index) const {
        CHECK(index < count_);
        return items_[index];
    }
    [[nodiscard]] std::size_t size() const { return count_; }

  private:
    [[nodiscard]] std::size_t bytes() const { return count_ * sizeof(T) + 1; }  // mmap refuses 0
    std::size_t count_;
    T* items_;
};

}  // namespace sluice
