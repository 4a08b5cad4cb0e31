// Backoff: growing, jittered pauses between attempts.
//
// Each pause is drawn evenly from the upper half of [0, d], d doubling from min to max: the jitter keeps
// many engines from coming back to a restarted Redis in step, the lower bound keeps one engine from
// hammering it. Full jitter, [0, d], was rejected because it allows two attempts without a pause.
//
// One owner thread: that of whoever connects.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

namespace sluice::sinks::redis {

class Backoff {
  public:
    // 0 < min_ns <= max_ns.
    Backoff(std::uint64_t min_ns, std::uint64_t max_ns, std::uint64_t seed)
        : min_ns_(min_ns), max_ns_(max_ns), ceiling_ns_(min_ns), random_(seed) {}

    // The pause before the next attempt.
    [[nodiscard]] std::uint64_t next_ns() {
        const std::uint64_t ceiling_ns = ceiling_ns_;
        ceiling_ns_ = std::min(max_ns_, ceiling_ns_ * 2);
        return jittered_ns(ceiling_ns);
    }

    // The longest pause, for what only an operator can mend.
    [[nodiscard]] std::uint64_t longest_ns() { return jittered_ns(max_ns_); }

    void reset() { ceiling_ns_ = min_ns_; }

  private:
    [[nodiscard]] std::uint64_t jittered_ns(std::uint64_t ceiling_ns) {
        return ceiling_ns / 2 + random_() % (ceiling_ns - ceiling_ns / 2 + 1);
    }

    const std::uint64_t min_ns_;
    const std::uint64_t max_ns_;
    std::uint64_t ceiling_ns_;
    std::mt19937_64 random_;
};

}  // namespace sluice::sinks::redis
