// DeadlineQueue: deadlines that are all equally long after their begin. So their order is that in which they began, and
// a linked list keeps it: adding and removing cost a few writes, and the next deadline is the first of the list. Exact,
// unlike io::TimerWheel, whose deadlines differ in length and fire up to one of its ticks late.
//
// Items are numbers below `items_count`. One owner thread; allocates only when it is made.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "engine/core/check.hpp"

namespace sluice::load {

class DeadlineQueue {
  public:
    using Item = std::uint32_t;

    // `length_ns`: from the begin of an item to its deadline. The node behind the last item is both ends of the list.
    DeadlineQueue(std::size_t items_count, std::uint64_t length_ns) : nodes_(items_count + 1), length_ns_(length_ns) {
        const auto end = static_cast<Item>(items_count);
        nodes_[end] = {.begin_ns = 0, .previous = end, .next = end};
    }

    // Not before the begin of the item that was added last. The item must not be in the queue.
    void push(Item item, std::uint64_t begin_ns) {
        const auto end = static_cast<Item>(nodes_.size() - 1);
        Node& node = nodes_[item];
        DCHECK(node.next == not_linked);
        node = {.begin_ns = begin_ns, .previous = nodes_[end].previous, .next = end};
        nodes_[node.previous].next = item;
        nodes_[end].previous = item;
    }

    // Does nothing if the item is not in the queue.
    void remove(Item item) {
        Node& node = nodes_[item];
        if (node.next == not_linked) return;
        nodes_[node.previous].next = node.next;
        nodes_[node.next].previous = node.previous;
        node.next = not_linked;
    }

    // Of the first item (monotonic); the largest number if the queue is empty.
    [[nodiscard]] std::uint64_t next_ns() const {
        const Item first = nodes_.back().next;
        return first == nodes_.size() - 1 ? std::numeric_limits<std::uint64_t>::max()
                                          : nodes_[first].begin_ns + length_ns_;
    }

    // The first item, which stays in the queue, if its deadline has come.
    [[nodiscard]] std::optional<Item> expired(std::uint64_t now_ns) const {
        if (next_ns() > now_ns) return std::nullopt;
        return nodes_.back().next;
    }

  private:
    static constexpr Item not_linked = std::numeric_limits<Item>::max();
    struct Node {
        std::uint64_t begin_ns = 0;
        Item previous = not_linked, next = not_linked;
    };

    std::vector<Node> nodes_;
    std::uint64_t length_ns_;
};

}  // namespace sluice::load
