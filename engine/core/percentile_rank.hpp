// Which value of a sorted list a percentile is. Pure functions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace sluice {

// The nearest rank: the least rank r, counted from 1, for which r values are at least `percentile` % of all `count`
// (the ceiling of percentile / 100 × count). So p99 of 51 values is the 51st, and one slow value among 51 is seen.
// `percentile` of 0 to 100; `count` above 0. A percentile is written in decimal and kept in binary, so the product may
// be some units in the last place too large; four of them are taken off before the ceiling.
[[nodiscard]] inline std::uint64_t rank_of_percentile(double percentile, std::uint64_t count) {
    constexpr double inexactness = 4 * std::numeric_limits<double>::epsilon();
    const double rank = std::ceil(percentile / 100 * static_cast<double>(count) * (1 - inexactness));
    return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(std::max(rank, 1.0)), 1, count);
}

// For HdrHistogram, which rounds percentile / 100 × count to the nearest whole rank (hdr_value_at_percentile of
// 0.11.8): the percentile that makes it take the nearest rank as above. Exact up to 10^15 values.
[[nodiscard]] inline double percentile_for_histogram(double percentile, std::uint64_t count) {
    if (count == 0) return percentile;
    return 100 * static_cast<double>(rank_of_percentile(percentile, count)) / static_cast<double>(count);
}

}  // namespace sluice
