// BoundedQueue: a lock-free queue from several threads to one, which never allocates after construction.
//
// moodycamel::ConcurrentQueue with a producer token for each sender, so it behaves like one single-producer queue a
// sender (FIFO each) that the receiver visits in turn. Only try_* calls. push() cannot fail while a sender has no
// more than `items_per_producer` items in the queue, which its user must guarantee; the static_asserts and the
// constructor provide the blocks for that.
//
// Rejected: a ring per sender written by hand, which is small but one more lock-free algorithm to prove.
#pragma once

// <linux/fs.h>, which liburing includes, defines BLOCK_SIZE; ConcurrentQueue uses that name for a constant.
#pragma push_macro("BLOCK_SIZE")
#undef BLOCK_SIZE
#include <concurrentqueue.h>

#include <cstddef>
#include <optional>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"

namespace sluice {

struct BoundedQueueTraits : moodycamel::ConcurrentQueueDefaultTraits {
    static constexpr std::size_t BLOCK_SIZE = 64;
    // Slots of a producer's block index. It does not grow in try_enqueue: it must be large enough at once.
    static constexpr std::size_t EXPLICIT_INITIAL_INDEX_SIZE = 256;

    // N items can begin in the middle of a block and end in another, and the block in front of them may not be given
    // back yet.
    [[nodiscard]] static constexpr std::size_t blocks_per_producer(std::size_t items_count) {
        return (items_count + BLOCK_SIZE - 1) / BLOCK_SIZE + 2;
    }
};

// A batch is settled at most twice: its tickets, and finally.
inline constexpr std::size_t bounded_queue_items_max = 2 * limits::batches_per_reactor_count_max;
static_assert(BoundedQueueTraits::blocks_per_producer(bounded_queue_items_max) <=
              BoundedQueueTraits::EXPLICIT_INITIAL_INDEX_SIZE);

template <typename Item>
class BoundedQueue {
  public:
    BoundedQueue(std::size_t producers_count, std::size_t items_per_producer)
        : queue_(BoundedQueueTraits::blocks_per_producer(items_per_producer) * producers_count *
                 BoundedQueueTraits::BLOCK_SIZE),
          consumer_(queue_) {
        CHECK(items_per_producer <= bounded_queue_items_max);
        producers_.reserve(producers_count);
        for (std::size_t i = 0; i < producers_count; ++i) {
            producers_.emplace_back(queue_);
            CHECK(producers_.back().valid());
        }
    }

    // On the thread of producer `producer` only.
    void push(std::size_t producer, const Item& item) {
        const bool taken = queue_.try_enqueue(producers_[producer], item);
        CHECK(taken);
    }

    // On the consumer's thread only. Nothing if nothing is there.
    [[nodiscard]] std::optional<Item> try_pop() {
        Item item{};
        return queue_.try_dequeue(consumer_, item) ? std::optional<Item>(item) : std::nullopt;
    }

    // On the consumer's thread: whether nothing was pushed that is visible to it.
    [[nodiscard]] bool looks_empty() const { return queue_.size_approx() == 0; }

  private:
    moodycamel::ConcurrentQueue<Item, BoundedQueueTraits> queue_;
    moodycamel::ConsumerToken consumer_;
    std::vector<moodycamel::ProducerToken> producers_;
};

}  // namespace sluice

#pragma pop_macro("BLOCK_SIZE")
