// SampleQueue: the bounded queue between all handlers and the one worker; a mutex and a condition variable.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "bench/baseline/telemetry.hpp"

namespace sluice::baseline {

class SampleQueue {
  public:
    static constexpr std::size_t samples_count_max = 65'536;  // the original's

    // False: full.
    [[nodiscard]] bool try_push(Words&& sample) {
        {
            const std::lock_guard lock(mutex_);
            if (samples_.size() >= samples_count_max) return false;
            samples_.push_back(std::move(sample));
        }
        changed_.notify_one();
        return true;
    }

    // Waits for a sample; none once the queue is closed and empty.
    [[nodiscard]] std::optional<Words> pop() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return is_closed_ || !samples_.empty(); });
        if (samples_.empty()) return std::nullopt;
        std::optional<Words> sample(std::move(samples_.front()));
        samples_.pop_front();
        return sample;
    }

    void close() {
        const std::lock_guard lock(mutex_);
        is_closed_ = true;
        changed_.notify_all();
    }

    // Waits until the queue is closed, `patience` at most; whether it is.
    bool wait_closed(std::chrono::milliseconds patience) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, patience, [this] { return is_closed_; });
    }

    [[nodiscard]] std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return samples_.size();
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Words> samples_;
    bool is_closed_ = false;
};

}  // namespace sluice::baseline
