// Bounds: from figures to a verdict, with hysteresis. No clock, no I/O.
//
// A figure is over its bound from the moment it reaches it until it has fallen below reopen_percent of it: else the
// first entry that is read would admit a burst that closes admission again, every second.
//
// A figure that is not known stays over its bound for unknown_looks_max looks more: Redis is silent when it is in
// trouble, and that is no time to open. Then it counts as over none, so that a server that is gone for good holds up
// nobody.
#pragma once

#include <cstdint>

#include "engine/watch/figures.hpp"
#include "engine/watch/verdict.hpp"

namespace sluice::admission {

struct BoundsSettings {
    std::uint64_t length_max = 0;  // entries of all partitions; 0: no bound
    std::uint64_t group_lag_max = 0;  // entries; 0: no bound
    std::uint64_t memory_percent_max = 0;  // of maxmemory; 0: no bound
};

class Bounds {
  public:
    explicit Bounds(const BoundsSettings& settings) : settings_(settings) {}

    static constexpr std::uint64_t reopen_percent = 90;
    static constexpr std::uint32_t unknown_looks_max = 5;

    // The gravest reason first: memory, length, lag.
    [[nodiscard]] Verdict judge(const Figures& figures);
    // Whether the last judge() gave a bound up because its figure has not been known for too long.
    [[nodiscard]] bool has_lapsed() const { return memory_.has_lapsed || length_.has_lapsed || lag_.has_lapsed; }

    // The figure that decides `verdict`, and its bound; both 0 for `admit`.
    struct Comparison {
        std::uint64_t value = 0;
        std::uint64_t bound = 0;
        // What the figure must fall below.
        [[nodiscard]] std::uint64_t reopens_below() const {
            return bound / 100 * reopen_percent + bound % 100 * reopen_percent / 100;
        }
    };
    [[nodiscard]] Comparison comparison(Verdict verdict, const Figures& figures) const;

  private:
    struct Side {
        bool is_over = false;
        bool has_lapsed = false;  // in the last look
        std::uint32_t unknown_looks = 0;  // in a row, while it is over
        void look(std::optional<std::uint64_t> value, std::optional<std::uint64_t> bound);
    };
    // Bytes of maxmemory that may be used; 0: no bound; nothing: not known.
    [[nodiscard]] std::optional<std::uint64_t> memory_bytes_max(const Figures& figures) const;

    const BoundsSettings settings_;
    Side memory_;
    Side length_;
    Side lag_;
};

}  // namespace sluice::admission
