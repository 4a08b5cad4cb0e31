// Bounds: from figures to the bound that is passed, with hysteresis. No clock, no I/O.
//
// A figure passes its bound when it reaches it, and is back when it has fallen below reopen_percent of it. Without that
// gap admission would open and close every second.
//
// A figure that becomes unknown while it is over its bound stays over it for unknown_observations_max observations: an
// overloaded Redis may not answer. After that it counts as over none, so that a server that is gone closes nothing.
//
// The watcher's thread.
#pragma once

#include <cstdint>

#include "engine/watch/figures.hpp"
#include "engine/watch/passed_bound.hpp"

namespace sluice::watch {

struct BoundsSettings {
    std::uint64_t length_max = 0;  // entries of all partitions; 0: no bound
    std::uint64_t group_lag_max = 0;  // entries; 0: no bound
    std::uint64_t memory_percent_max = 0;  // of maxmemory; 0: no bound
};

class Bounds {
  public:
    explicit Bounds(const BoundsSettings& settings) : settings_(settings) {}

    static constexpr std::uint64_t reopen_percent = 90;
    static constexpr std::uint32_t unknown_observations_max = 5;

    // The gravest reason first: memory, length, lag.
    [[nodiscard]] PassedBound judge(const Figures& figures);
    // Whether the last judge() gave a bound up because its figure has not been known for too long.
    [[nodiscard]] bool has_lapsed() const { return memory_.has_lapsed || length_.has_lapsed || lag_.has_lapsed; }

    // The figure that decides `passed`, and its bound; both 0 for `none`.
    struct Comparison {
        std::uint64_t value = 0;
        std::uint64_t bound = 0;
        // What the figure must fall below.
        [[nodiscard]] std::uint64_t reopens_below() const {
            return bound / 100 * reopen_percent + bound % 100 * reopen_percent / 100;
        }
    };
    [[nodiscard]] Comparison comparison(PassedBound passed, const Figures& figures) const;

  private:
    struct Side {
        bool is_over = false;
        bool has_lapsed = false;  // in the last look
        std::uint32_t unknown_count = 0;  // in a row, while it is over
        void observe(std::optional<std::uint64_t> value, std::optional<std::uint64_t> bound);
    };
    // Bytes of maxmemory that may be used; 0: no bound; nothing: not known.
    [[nodiscard]] std::optional<std::uint64_t> memory_bytes_max(const Figures& figures) const;

    const BoundsSettings settings_;
    Side memory_;
    Side length_;
    Side lag_;
};

}  // namespace sluice::watch
