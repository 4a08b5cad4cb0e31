// SlotQueue: slots in the order of a time that each of them has, the oldest first. All have the same patience, so the
// first is also the first whose time is over. A slot is in at most one queue, and leaves it from anywhere. One thread.
#pragma once

#include <cstdint>

#include "engine/core/check.hpp"
#include "engine/core/slot.hpp"

namespace sluice {

inline constexpr Slot no_slot = 0xffff'ffff;

// Part of what a slot's owner keeps of it. Zero: in no queue.
struct SlotQueueNode {
    Slot previous;
    Slot next;
    bool is_queued;
    std::uint64_t since_ns;
};

// `Nodes`: from a slot to its node.
class SlotQueue {
  public:
    [[nodiscard]] bool empty() const { return first_ == no_slot; }
    [[nodiscard]] Slot first() const { return first_; }
    [[nodiscard]] std::uint64_t count() const { return count_; }

    // At the end: `since_ns` never falls.
    template <typename Nodes>
    void add(const Nodes& node_of, Slot slot, std::uint64_t since_ns) {
        SlotQueueNode& node = node_of(slot);
        CHECK(!node.is_queued);
        node = {last_, no_slot, true, since_ns};
        (last_ == no_slot ? first_ : node_of(last_).next) = slot;
        last_ = slot;
        ++count_;
    }
    // Nothing happens if it is in none. The caller knows that it is in no other queue.
    template <typename Nodes>
    void remove(const Nodes& node_of, Slot slot) {
        SlotQueueNode& node = node_of(slot);
        if (!node.is_queued) return;
        (node.previous == no_slot ? first_ : node_of(node.previous).next) = node.next;
        (node.next == no_slot ? last_ : node_of(node.next).previous) = node.previous;
        node.is_queued = false;
        --count_;
    }

  private:
    Slot first_ = no_slot;
    Slot last_ = no_slot;
    std::uint64_t count_ = 0;
};

}  // namespace sluice
