// CompletionInbox: settled batches on their way from the sink's thread back to one reactor.
//
// Waking is as in sink_thread.hpp, with one refinement: a reactor that waits for no completion (nobody asked for
// `stored`, and its batches have room) goes to sleep without raising the flag; then settling costs no system call,
// and the reactor takes the batches back when the next request comes.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>

#include "engine/core/batch.hpp"
#include "engine/core/cache_line.hpp"
#include "engine/delivery/bounded_queue.hpp"

namespace sluice {

struct Completion {
    Batch* batch = nullptr;
    Settlement settlement = Settlement::final;
};

class CompletionInbox {
  public:
    explicit CompletionInbox(std::size_t batches_count) : queue_(1, 2 * batches_count) {}

    // --- the sink's thread --------------------------------------------------------------------------
    // True: the reactor sleeps and must be woken, by the caller, now.
    [[nodiscard]] bool push(const Completion& completion) {
        queue_.push(0, completion);
        std::atomic_thread_fence(std::memory_order_seq_cst);
        return is_sleeping_.load(std::memory_order_relaxed) && is_sleeping_.exchange(false, std::memory_order_relaxed);
    }

    // --- the reactor -------------------------------------------------------------------------------
    [[nodiscard]] std::optional<Completion> try_pop() { return queue_.try_pop(); }

    // Before it sleeps, if it waits for completions. False: one is there, do not sleep.
    [[nodiscard]] bool may_sleep() {
        is_sleeping_.store(true, std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (queue_.looks_empty()) return true;
        is_sleeping_.store(false, std::memory_order_relaxed);
        return false;
    }
    void awake() { is_sleeping_.store(false, std::memory_order_relaxed); }

  private:
    BoundedQueue<Completion> queue_;
    // The reactor stores in may_sleep() and awake(); pairs with the load and exchange in push(). The fences order
    // it against the queue.
    alignas(cache_line_bytes) std::atomic<bool> is_sleeping_{false};
};

}  // namespace sluice
