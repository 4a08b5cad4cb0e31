// Trend: how fast a figure falls, as an average over about the last looks, and hence when it will have fallen to a
// target. One owner thread, no clock.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

namespace sluice::watch {

class Trend {
  public:
    // Time constant of the average: what is this old counts 1/e.
    static constexpr double memory_s = 5;

    void observe(std::uint64_t now_ns, std::uint64_t value) {
        if (looked_ns_ != 0 && now_ns > looked_ns_) {
            const double elapsed_s = static_cast<double>(now_ns - looked_ns_) / 1e9;
            const double per_s = (static_cast<double>(value_) - static_cast<double>(value)) / elapsed_s;
            per_s_ += (1 - std::exp(-elapsed_s / memory_s)) * (per_s - per_s_);
        }
        looked_ns_ = now_ns;
        value_ = value;
    }

    // From the last look on; nothing while the figure does not fall.
    [[nodiscard]] std::optional<double> s_until(std::uint64_t target) const {
        if (value_ <= target) return 0.0;
        if (per_s_ <= 0) return std::nullopt;
        return static_cast<double>(value_ - target) / per_s_;
    }

  private:
    double per_s_ = 0;
    std::uint64_t value_ = 0;
    std::uint64_t looked_ns_ = 0;
};

}  // namespace sluice::watch
