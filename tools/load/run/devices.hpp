// Devices: which device a request comes from, and how many samples each has sent. The devices are divided into n
// shares: share s has the devices s, s + n, s + 2n, …, and belongs to one load thread (see RequestSource). So the count
// of a device has no gap and needs no lock.
//
// On its load thread.
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
    Devices(std::uint32_t devices_count, double zipf_exponent, std::uint32_t share, std::uint32_t shares_count)
        : share_(share),
          shares_count_(shares_count),
          sent_counts_((devices_count - share + shares_count - 1) / shares_count) {
        CHECK(devices_count > share);
        if (zipf_exponent == 0) return;
        double sum = 0;
        for (std::size_t rank = 0; rank < sent_counts_.size(); ++rank) {
            sum += std::pow(static_cast<double>(rank * shares_count + share + 1), -zipf_exponent);
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
    [[nodiscard]] std::uint32_t number_of(std::uint32_t index) const { return index * shares_count_ + share_; }
    // Takes the next `count` of the device's sequence; the first of them.
    std::uint64_t take(std::uint32_t index, std::uint32_t count) {
        const std::uint64_t first = sent_counts_[index];
        sent_counts_[index] += count;
        return first;
    }

  private:
    std::uint32_t share_, shares_count_;
    std::vector<std::uint64_t> sent_counts_;
    std::vector<double> cumulative_;
};

}  // namespace sluice::load
