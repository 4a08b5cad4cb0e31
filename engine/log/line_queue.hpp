// LineQueue: log lines on their way to the thread that writes them. Any thread pushes, one takes.
//
// Bounded by bytes. Where a line does not fit, the oldest lines are dropped for it and counted: the newest say how
// things are now, and the last lines of a process say how it ended. push() holds a lock for as long as a line is moved,
// and waits for nothing else.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

namespace sluice::log {

class LineQueue {
  public:
    explicit LineQueue(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    // --- any thread --------------------------------------------------------------------------------
    void push(std::string line);
    // Waits until all that was pushed has been written or dropped. False: not within `patience`.
    [[nodiscard]] bool wait_until_empty(std::chrono::nanoseconds patience);
    // From now on take() does not wait, and what does not get written at once is dropped.
    void close();
    [[nodiscard]] bool is_closed() const { return is_closed_.load(std::memory_order_acquire); }

    // --- the thread that writes --------------------------------------------------------------------
    struct Taken {
        std::string line;
        std::uint64_t dropped_before_count = 0;  // lines, between the one taken last and this one
    };
    // Waits for a line. Nothing: the queue is closed and empty.
    [[nodiscard]] std::optional<Taken> take();
    // After each take(): what became of the line. `untold_gap_count`: lines of Taken::dropped_before_count that the
    // next line has to tell of.
    void settle(bool was_written, std::uint64_t untold_gap_count = 0);

    // Lines that are neither written nor dropped. Any thread.
    [[nodiscard]] std::size_t waiting_count();
    // Lines that were not written, since the start. Any thread; relaxed.
    [[nodiscard]] std::uint64_t dropped_count() const { return dropped_count_.load(std::memory_order_relaxed); }

  private:
    void drop_oldest();

    const std::size_t bytes_max_;
    std::mutex mutex_;  // guards all below but the atomics
    std::condition_variable has_line_, is_idle_;
    std::deque<std::string> lines_;
    std::size_t bytes_ = 0;  // of `lines_`
    std::uint64_t gap_count_ = 0;  // lines dropped since the last take()
    bool is_being_written_ = false;  // a line is between take() and settle()
    std::atomic<bool> is_closed_{false};  // close() stores, release, under the lock; pairs with is_closed()
    std::atomic<std::uint64_t> dropped_count_{0};
};

}  // namespace sluice::log
