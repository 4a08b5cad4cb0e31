#include "engine/log/line_queue.hpp"

#include <utility>

namespace sluice::log {

// A line that is longer than the queue is dropped itself.
void LineQueue::push(std::string line) {
    {
        const std::scoped_lock lock(mutex_);
        bytes_ += line.size();
        lines_.push_back(std::move(line));
        while (bytes_ > bytes_max_) drop_oldest();
    }
    has_line_.notify_one();
}

void LineQueue::drop_oldest() {
    bytes_ -= lines_.front().size();
    lines_.pop_front();
    ++gap_count_;
    dropped_count_.fetch_add(1, std::memory_order_relaxed);
}

bool LineQueue::wait_until_empty(std::chrono::nanoseconds patience) {
    std::unique_lock lock(mutex_);
    return is_idle_.wait_for(lock, patience, [this] { return lines_.empty() && !is_being_written_; });
}

std::size_t LineQueue::waiting_count() {
    const std::scoped_lock lock(mutex_);
    return lines_.size() + (is_being_written_ ? 1 : 0);
}

void LineQueue::close() {
    {
        const std::scoped_lock lock(mutex_);
        is_closed_.store(true, std::memory_order_release);
    }
    has_line_.notify_one();
}

std::optional<LineQueue::Taken> LineQueue::take() {
    std::unique_lock lock(mutex_);
    has_line_.wait(lock, [this] { return !lines_.empty() || is_closed(); });
    if (lines_.empty()) return std::nullopt;
    Taken taken{std::move(lines_.front()), std::exchange(gap_count_, 0)};
    lines_.pop_front();
    bytes_ -= taken.line.size();
    is_being_written_ = true;
    return taken;
}

void LineQueue::settle(bool was_written, std::uint64_t untold_gap_count) {
    if (!was_written) dropped_count_.fetch_add(1, std::memory_order_relaxed);
    const std::scoped_lock lock(mutex_);
    gap_count_ += untold_gap_count + (was_written ? 0 : 1);
    is_being_written_ = false;
    if (lines_.empty()) is_idle_.notify_all();
}

}  // namespace sluice::log
