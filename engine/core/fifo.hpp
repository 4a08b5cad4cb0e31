// Fifo: a queue in memory that is allocated once, when it is made. std::deque allocates and frees a block for every few
// dozen items that pass through it.
//
// One thread at a time. What is popped keeps its value until the place is used again, so T is meant to be a pointer or
// another small value.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/core/check.hpp"

namespace sluice {

template <typename T>
class Fifo {
  public:
    explicit Fifo(std::size_t capacity) : items_(capacity) { CHECK(capacity > 0); }

    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] std::size_t size() const { return count_; }

    // Needs room.
    void push_back(const T& item) {
        CHECK(count_ < items_.size());
        items_[place_of(count_++)] = item;
    }
    // Needs an item.
    void pop_front() {
        CHECK(count_ > 0);
        first_ = place_of(1);
        --count_;
    }
    // 0 is the oldest.
    [[nodiscard]] T& operator[](std::size_t index) {
        CHECK(index < count_);
        return items_[place_of(index)];
    }
    [[nodiscard]] const T& operator[](std::size_t index) const {
        CHECK(index < count_);
        return items_[place_of(index)];
    }
    [[nodiscard]] T& front() { return (*this)[0]; }
    [[nodiscard]] const T& front() const { return (*this)[0]; }

  private:
    // For offsets up to the capacity.
    [[nodiscard]] std::size_t place_of(std::size_t offset) const {
        const std::size_t place = first_ + offset;
        return place < items_.size() ? place : place - items_.size();
    }

    std::vector<T> items_;
    std::size_t first_ = 0;
    std::size_t count_ = 0;
};

}  // namespace sluice
