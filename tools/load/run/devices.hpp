// Devices: which device a request comes from, and how many samples each has sent. Of one load thread: thread t of n has
// the devices t, t + n, t + 2n, …, so that a device's count has no gap and no lock.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "engine/core/check.hpp"
#include "tools/load/plan/random.hpp"

namespace sluice::load {

class Devices {
  public:
    // `zipf_exponent` 0: all alike; else device of rank k (from 1) is drawn in proportion to 1 / k^exponent.
    Devices(std::uint32_t devices_count, double zipf_exponent, std::uint32_t thread, std::uint32_t threads_count)
        : thread_(thread),
          threads_count_(threads_count),
          sent_counts_((devices_count - thread + threads_count - 1) / threads_count) {
        CHECK(devices_count > thread);
        if (zipf_exponent == 0) return;
        double sum = 0;
        for (std::size_t rank = 0; rank < sent_counts_.size(); ++rank) {
            sum += std::pow(static_cast<double>(rank * threads_count + thread + 1), -zipf_exponent);
            cumulative_.push_back(sum);
        }
    }

    // An index for the calls below.
    std::uint32_t draw(Random& random) {
        if (cumulative_.empty()) return static_cast<std::uint32_t>(random.below(sent_counts_.size()));
        const double at = random.uniform() * cumulative_.back();
        const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, at);
        return static_cast<std::uint32_t>(found - cumulative_.begin());
    }
    [[nodiscard]] std::uint32_t number_of(std::uint32_t index) const { return index * threads_count_ + thread_; }
    // Takes the next `count` of the device's sequence; the first of them.
    std::uint64_t take(std::uint32_t index, std::uint32_t count) {
        const std::uint64_t first = sent_counts_[index];
        sent_counts_[index] += count;
        return first;
    }

  private:
    std::uint32_t thread_, threads_count_;
    std::vector<std::uint64_t> sent_counts_;
    std::vector<double> cumulative_;
};

}  // namespace sluice::load
