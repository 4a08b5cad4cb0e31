// Gauges: what the watcher publishes. One writer, the watcher's thread; any thread reads.
//
// Relaxed atomics that need no pairing: each figure stands for itself, and a reader may see one of this second beside
// one of the last.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "engine/core/cache_line.hpp"
#include "engine/watch/figures.hpp"
#include "engine/watch/passed_bound.hpp"
#include "sinks/last_error.hpp"

namespace sluice::watch {

class Gauge {
  public:
    void set(std::optional<std::uint64_t> value) { value_.store(value.value_or(unknown), std::memory_order_relaxed); }
    [[nodiscard]] std::optional<std::uint64_t> get() const {
        const std::uint64_t value = value_.load(std::memory_order_relaxed);
        return value == unknown ? std::nullopt : std::optional(value);
    }

  private:
    static constexpr std::uint64_t unknown = std::numeric_limits<std::uint64_t>::max();
    std::atomic<std::uint64_t> value_{unknown};
};

struct Gauges {
    // What reactors refuse telemetry for. `none` also where samples go to a journal first: it takes what Redis cannot.
    // Reactors read it on each request: on a cache line apart from what is written each round.
    alignas(cache_line_bytes) std::atomic<PassedBound> refused_for{PassedBound::none};
    alignas(cache_line_bytes) std::atomic<PassedBound> passed{PassedBound::none};  // whether it is refused for or not
    std::atomic<std::uint64_t> opens_ns{0};  // monotonic: not before, as far as one can see; 0: it is open
    std::atomic<bool> is_on{false};  // there is a watcher
    std::atomic<std::uint64_t> samples{0};  // rounds in which Redis told everything that was asked
    std::atomic<std::uint64_t> failures{0};  // rounds in which something could not be learnt
    Gauge length_sum, length_max, group_lag_max, used_bytes, limit_bytes;
    sinks::LastError last_error;  // of the last round

    [[nodiscard]] std::optional<Refusal> refusal() const {
        return refusal_of(refused_for.load(std::memory_order_relaxed));
    }
    void set(const Figures& figures) {
        length_sum.set(figures.length_sum);
        length_max.set(figures.length_max);
        group_lag_max.set(figures.group_lag_max);
        used_bytes.set(figures.used_bytes);
        limit_bytes.set(figures.limit_bytes);
    }
};
static_assert(offsetof(Gauges, refused_for) % cache_line_bytes == 0 &&
              offsetof(Gauges, passed) - offsetof(Gauges, refused_for) == cache_line_bytes);

}  // namespace sluice::watch
