// Retry-After: how long a client that was answered 503 should stay away, from what the engine has measured.
//
// The rate is that of the time in which something was in flight: an idle engine's would be that of its clients, not of
// its sink. While nothing is confirmed it falls, so a silence asks clients to stay away longer the longer it lasts, as
// they would by themselves with a growing backoff. Once the breaker is open the next attempt is what counts: the rate
// is then not asked, and not measured on.
#pragma once

#include <cstdint>

namespace sluice {

// How fast samples leave, as an average over about the last seconds. One owner thread, no clock.
class DrainRate {
  public:
    // Time constant of the average: what is this old counts 1/e.
    static constexpr std::uint64_t memory_ns = 3'000'000'000;
    // Measured in steps of busy time that are long beside one batch's round trip.
    static constexpr std::uint64_t step_ns = 100'000'000;

    // After each iteration: the time, the samples that ever left, and whether some are in flight now, to a sink that
    // can be used.
    void observe(std::uint64_t now_ns, std::uint64_t left_count, bool is_busy) {
        if (was_busy_) busy_ns_ += now_ns - observed_ns_;
        observed_ns_ = now_ns;
        was_busy_ = is_busy;
        if (busy_ns_ >= step_ns) fold(left_count);
    }
    // The count that observe() is given was set to zero.
    void restart_count() { left_count_ = 0; }

    // Samples a second; 0: not measured yet.
    [[nodiscard]] double per_s() const { return per_s_; }
    [[nodiscard]] bool is_measured() const { return is_measured_; }

  private:
    void fold(std::uint64_t left_count);

    double per_s_ = 0;
    bool is_measured_ = false;
    bool was_busy_ = false;
    std::uint64_t observed_ns_ = 0;
    std::uint64_t busy_ns_ = 0;  // since the last fold()
    std::uint64_t left_count_ = 0;  // that had left at the last fold()
};

struct Backlog {
    std::uint64_t in_flight_count = 0;  // samples
    double drained_per_s = 0;
    bool is_rate_known = false;
    std::uint64_t attempt_in_ns = 0;  // the sink is away, and tried next in so long; 0: it is not
};

// Whole seconds (RFC 9110 section 10.2.3): what the backlog takes to drain, and at least until the sink is tried;
// bounded by limits::retry_after_s_max, then at least `least_s`.
[[nodiscard]] std::uint64_t retry_after_s(const Backlog& backlog, std::uint64_t least_s);

}  // namespace sluice
