// SinkThread: owns one sink, the queue in front of it and the thread that runs both.
//
// The thread hands queued batches to the sink while it has room, lets it work, and sleeps in ppoll(2) until its
// descriptor is ready, its deadline comes, or a reactor wakes it. It never polls: an idle engine costs nothing.
//
// Waking. The thread sets `is_sleeping_`, fences, looks into the queue once more, then sleeps; a reactor pushes,
// fences, and only if `is_sleeping_` is set clears it and writes the eventfd. With a sequentially consistent fence
// between the store and the load on both sides, at least one of the two sees the other, so no push is slept through;
// and since the flag is cleared by whoever wakes, many pushes cost at most one write. A sink without room
// sleeps without the flag: new batches are no news to it.
//
// Rejected: a condition variable (the thread must wait on a socket too); an eventfd write for each push (0.3–1 µs
// of system call on the reactor, for each batch, to a thread that is usually awake).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "engine/core/cache_line.hpp"
#include "engine/delivery/bounded_queue.hpp"
#include "engine/delivery/sink_log.hpp"
#include "engine/io/waker.hpp"
#include "sinks/sink.hpp"

namespace sluice {

// What the sink is called in the log and in /metrics.
inline constexpr const char* sink_name = "0";

class SinkThread {
  public:
    // A reactor's end of the queue. Used on that reactor's thread only; lives as long as the SinkThread.
    class alignas(cache_line_bytes) Producer {
      public:
        // Never blocks, never fails: a reactor has no more batches than the queue has places. Wakes nobody.
        void push(Batch& batch) {
            owner_->queue_.push(index_, &batch);
            has_pushed_ = true;
        }

        // Once for each iteration of the reactor's loop: makes sure that what was pushed is looked at.
        void wake_if_sleeping() {
            if (!has_pushed_) return;
            has_pushed_ = false;
            owner_->wake_if_sleeping();
        }

      private:
        friend class SinkThread;
        Producer(SinkThread& owner, std::size_t index) : owner_(&owner), index_(index) {}

        SinkThread* owner_;
        std::size_t index_;
        bool has_pushed_ = false;  // since the last wake_if_sleeping()
    };

    // Each reactor has at most `batches_per_reactor` batches.
    SinkThread(std::unique_ptr<sinks::Sink> sink, std::size_t reactors_count, std::size_t batches_per_reactor);
    ~SinkThread();
    SinkThread(const SinkThread&) = delete;
    SinkThread& operator=(const SinkThread&) = delete;

    [[nodiscard]] Producer& producer(std::size_t reactor_index) { return producers_[reactor_index]; }

    // See Sink::open(). Before start().
    [[nodiscard]] std::expected<std::vector<std::string>, std::string> open() { return sink_->open(); }
    void start();
    // Leaves what is not delivered in the queue and in the sink: the caller has drained before, or gives up.
    void stop_and_join();

    // For signal(), figures(), last_error() and nodes(), from any thread.
    [[nodiscard]] const sinks::Sink& sink() const { return *sink_; }

  private:
    void run();
    void hand_on_batches();
    [[nodiscard]] bool may_sleep();
    [[nodiscard]] short sleep(const sinks::Interest& interest);
    void wake_if_sleeping();

    std::unique_ptr<sinks::Sink> sink_;
    SinkLog log_;
    BoundedQueue<Batch*> queue_;
    std::vector<Producer> producers_;
    Waker waker_;
    std::thread thread_;

    // Sink thread stores true, and false when it is awake; pairs with the load and exchange in wake_if_sleeping().
    alignas(cache_line_bytes) std::atomic<bool> is_sleeping_{false};
    // stop_and_join() stores, release; pairs with the acquire load in run().
    alignas(cache_line_bytes) std::atomic<bool> is_stopping_{false};
};

}  // namespace sluice
