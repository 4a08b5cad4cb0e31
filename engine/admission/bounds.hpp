// Bounds: from figures to a verdict, with hysteresis. No clock, no I/O.
//
// A figure is over its bound from the moment it reaches it until it has fallen below reopen_percent of it: else the first
// entry that is read would admit a burst that closes admission again, every second.
#pragma once

#include <cstdint>

#include "engine/admission/figures.hpp"
#include "engine/admission/verdict.hpp"

namespace sluice::admission {

struct BoundsSettings {
    std::uint64_t length_max = 0;          // entries of all partitions; 0: no bound
    std::uint64_t group_lag_max = 0;       // entries; 0: no bound
    std::uint64_t memory_percent_max = 0;  // of maxmemory; 0: no bound
};

class Bounds {
  public:
    explicit Bounds(const BoundsSettings& settings) : settings_(settings) {}

    static constexpr std::uint64_t reopen_percent = 90;

    // The gravest reason first: memory, length, lag. A figure that is not known is over no bound.
    [[nodiscard]] Verdict judge(const Figures& figures);

    // The figure that decides `verdict`, and its bound; both 0 for `admit`.
    struct Comparison {
        std::uint64_t value = 0;
        std::uint64_t bound = 0;
    };
    [[nodiscard]] Comparison comparison(Verdict verdict, const Figures& figures) const;

  private:
    // Bytes of maxmemory that may be used; 0: no bound.
    [[nodiscard]] std::uint64_t memory_bytes_max(const Figures& figures) const;

    const BoundsSettings settings_;
    bool is_memory_over_ = false;
    bool is_length_over_ = false;
    bool is_lag_over_ = false;
};

}  // namespace sluice::admission
