// SinkQueue: batches on their way from the reactors to one sink thread.
//
// moodycamel::ConcurrentQueue with a producer token for each reactor, so it behaves like one single-producer queue a
// reactor (FIFO each) that the consumer visits in turn. Only try_* calls: nothing allocates after construction.
// push() cannot fail while a reactor has no more than `batches_per_producer` batches in the queue, and it has no more
// in existence; the static_asserts and the constructor provide the blocks for that.
//
// Rejected: a ring per reactor written by hand, which is small but one more lock-free algorithm to prove.
#pragma once

// <linux/fs.h>, which liburing includes, defines BLOCK_SIZE; ConcurrentQueue uses that name for a constant.
#pragma push_macro("BLOCK_SIZE")
#undef BLOCK_SIZE
#include <concurrentqueue.h>

#include <cstddef>
#include <vector>

#include "engine/core/batch.hpp"
#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"

namespace sluice {

struct SinkQueueTraits : moodycamel::ConcurrentQueueDefaultTraits {
    static constexpr std::size_t BLOCK_SIZE = 64;
    // Slots of a producer's block index. It does not grow in try_enqueue: it must be large enough at once.
    static constexpr std::size_t EXPLICIT_INITIAL_INDEX_SIZE = 128;

    // N batches can begin in the middle of a block and end in another, and the block in front of them may not be given
    // back yet.
    [[nodiscard]] static constexpr std::size_t blocks_per_producer(std::size_t batches_count) {
        return (batches_count + BLOCK_SIZE - 1) / BLOCK_SIZE + 2;
    }
};
static_assert(SinkQueueTraits::blocks_per_producer(limits::batches_per_reactor_count_max) <=
              SinkQueueTraits::EXPLICIT_INITIAL_INDEX_SIZE);

class SinkQueue {
  public:
    SinkQueue(std::size_t producers_count, std::size_t batches_per_producer)
        : queue_(SinkQueueTraits::blocks_per_producer(batches_per_producer) * producers_count *
                 SinkQueueTraits::BLOCK_SIZE),
          consumer_(queue_) {
        CHECK(batches_per_producer <= limits::batches_per_reactor_count_max);
        producers_.reserve(producers_count);
        for (std::size_t i = 0; i < producers_count; ++i) {
            producers_.emplace_back(queue_);
            CHECK(producers_.back().valid());
        }
    }

    // On the thread of producer `producer` only.
    void push(std::size_t producer, Batch& batch) {
        const bool taken = queue_.try_enqueue(producers_[producer], &batch);
        CHECK(taken);
    }

    // On the consumer's thread only. Null if nothing is there.
    [[nodiscard]] Batch* try_pop() {
        Batch* batch = nullptr;
        return queue_.try_dequeue(consumer_, batch) ? batch : nullptr;
    }

  private:
    moodycamel::ConcurrentQueue<Batch*, SinkQueueTraits> queue_;
    moodycamel::ConsumerToken consumer_;
    std::vector<moodycamel::ProducerToken> producers_;
};

}  // namespace sluice

#pragma pop_macro("BLOCK_SIZE")
