// TimerWheel: one deadline for each slot, coarse and cheap. One owner thread.
//
// 1,024 buckets of 2^27 ns (134 ms), so 137 s ahead; a later deadline waits in the farthest bucket and is put
// in again when that comes. Setting and clearing cost a few writes; the next expiry is found in a bitmap, so
// an idle loop sleeps until it and does not tick. Deadlines fire up to one bucket late, never early.
// Rejected alternative: linked io_uring timeouts, which cost two submissions for each request.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "engine/core/check.hpp"
#include "engine/core/lazy_array.hpp"
#include "engine/io/loop.hpp"

namespace sluice::io {

class TimerWheel {
  public:
    static constexpr unsigned tick_shift = 27;
    static constexpr std::uint64_t buckets_count = 1024;

    explicit TimerWheel(std::size_t slots_count_max) : nodes_(slots_count_max) {}

    // Makes `deadline_ns` (monotonic) the slot's deadline.
    void set(Slot slot, std::uint64_t deadline_ns, std::uint64_t now_ns) {
        clear(slot);
        if (current_tick_index_ == 0) current_tick_index_ = now_ns >> tick_shift;
        std::uint64_t tick = (deadline_ns >> tick_shift) + 1;
        if (tick <= current_tick_index_) tick = current_tick_index_ + 1;
        if (tick >= current_tick_index_ + buckets_count) tick = current_tick_index_ + buckets_count - 1;
        nodes_[slot].deadline_ns = deadline_ns;
        link(slot, static_cast<std::uint32_t>(tick % buckets_count));
    }

    void clear(Slot slot) {
        if (nodes_[slot].is_linked) unlink(slot);
    }

    // What set() was last given; 0 if none is pending.
    [[nodiscard]] std::uint64_t deadline_ns(Slot slot) const {
        return nodes_[slot].is_linked ? nodes_[slot].deadline_ns : 0;
    }

    // When advance() should be called next (monotonic); 0 if no deadline is pending.
    [[nodiscard]] std::uint64_t next_ns() const {
        for (std::uint64_t ahead = 1; ahead < buckets_count;) {
            const std::uint64_t bucket = (current_tick_index_ + ahead) % buckets_count;
            const std::uint64_t word = occupied_[bucket / 64] >> (bucket % 64);
            if (word != 0)
                return (current_tick_index_ + ahead + static_cast<unsigned>(std::countr_zero(word))) << tick_shift;
            ahead += 64 - bucket % 64;
        }
        return 0;
    }

    // Calls expired(slot) for each slot whose deadline has passed; the slot has no deadline then.
    template <typename Expired>
    void advance(std::uint64_t now_ns, Expired&& expired) {
        const std::uint64_t tick_end = now_ns >> tick_shift;
        if (current_tick_index_ == 0) current_tick_index_ = tick_end;
        if (tick_end > current_tick_index_ + buckets_count)
            current_tick_index_ = tick_end - buckets_count;  // a long sleep: each bucket once
        while (current_tick_index_ < tick_end) {
            ++current_tick_index_;
            fire(static_cast<std::uint32_t>(current_tick_index_ % buckets_count), now_ns, expired);
        }
    }

  private:
    // Zero is not linked. Links hold slot + 1, so that 0 ends a list.
    struct Node {
        std::uint64_t deadline_ns;
        std::uint32_t next;
        std::uint32_t previous;
        std::uint32_t bucket;
        bool is_linked;
    };

    template <typename Expired>
    void fire(std::uint32_t bucket, std::uint64_t now_ns, Expired&& expired) {
        // Taken off first: expired() may set new deadlines, in any bucket.
        std::uint32_t link_now = buckets_[bucket];
        while (link_now != 0) {
            const Slot slot = link_now - 1;
            unlink(slot);
            if (nodes_[slot].deadline_ns <= now_ns) expired(slot);
            else set(slot, nodes_[slot].deadline_ns, now_ns);
            link_now = buckets_[bucket];
        }
    }

    void link(Slot slot, std::uint32_t bucket) {
        Node& node = nodes_[slot];
        node.is_linked = true;
        node.bucket = bucket;
        node.previous = 0;
        node.next = buckets_[bucket];
        if (node.next != 0) nodes_[node.next - 1].previous = slot + 1;
        buckets_[bucket] = slot + 1;
        occupied_[bucket / 64] |= std::uint64_t{1} << (bucket % 64);
    }

    void unlink(Slot slot) {
        Node& node = nodes_[slot];
        node.is_linked = false;
        if (node.next != 0) nodes_[node.next - 1].previous = node.previous;
        if (node.previous != 0) nodes_[node.previous - 1].next = node.next;
        else buckets_[node.bucket] = node.next;
        if (buckets_[node.bucket] == 0) occupied_[node.bucket / 64] &= ~(std::uint64_t{1} << (node.bucket % 64));
    }

    LazyArray<Node> nodes_;
    std::array<std::uint32_t, buckets_count> buckets_{};
    std::array<std::uint64_t, buckets_count / 64> occupied_{};
    std::uint64_t current_tick_index_ = 0;  // buckets up to this tick have fired
};

}  // namespace sluice::io
