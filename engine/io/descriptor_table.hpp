// DescriptorTable: owns the ordinary descriptors of a loop's sockets, one a slot. One thread.
//
// Beside LazyArray<Descriptor>, which cannot be: its elements must be valid as zero bytes and need no destructor.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/descriptor.hpp"
#include "engine/core/lazy_array.hpp"
#include "engine/core/slot.hpp"

namespace sluice::io {

class DescriptorTable {
  public:
    explicit DescriptorTable(std::size_t slots_count_max) : numbers_(slots_count_max) {}
    // Only the slots that were ever used: the pages of the others stay untouched.
    ~DescriptorTable() {
        for (std::size_t slot = 0; slot < used_count_; ++slot) static_cast<void>(take(static_cast<Slot>(slot)));
    }
    DescriptorTable(const DescriptorTable&) = delete;
    DescriptorTable& operator=(const DescriptorTable&) = delete;

    void put(Slot slot, Descriptor descriptor) {
        CHECK(slot < numbers_.size() && numbers_[slot] == 0 && descriptor.is_open());
        numbers_[slot] = descriptor.release() + 1;
        used_count_ = std::max<std::size_t>(used_count_, slot + 1);
    }
    [[nodiscard]] int get(Slot slot) const { return numbers_[slot] - 1; }
    // The caller's from now on.
    [[nodiscard]] Descriptor take(Slot slot) { return Descriptor(std::exchange(numbers_[slot], 0) - 1); }

  private:
    LazyArray<int> numbers_;  // plus one: zero is none
    std::size_t used_count_ = 0;
};

}  // namespace sluice::io
