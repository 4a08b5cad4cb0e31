// How sure a ratio of a few runs is: the percentile bootstrap (Efron and Tibshirani, "An Introduction to the Bootstrap",
// 1993, chapter 13). Runs are drawn again with replacement, many times; the middle 95 % of the outcomes is the interval.
//
// Of few runs it is somewhat too narrow, as any bootstrap is; of fewer than runs_min it says nothing and is unbounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::load {

inline constexpr std::size_t bootstrap_runs_min = 3;
inline constexpr std::size_t bootstrap_resamples_count = 10'000;
inline constexpr double bootstrap_confidence = 0.95;

struct Estimate {
    double value = 0;
    double low = 0, high = 0;  // infinite where nothing is known

    [[nodiscard]] bool excludes(double other) const { return other < low || other > high; }
};

// Of an even number: the mean of the two in the middle. NaN without values.
[[nodiscard]] double median(std::span<const double> values);

// median(numerators) / median(denominators). The same seed gives the same interval. NaN if a median is 0 or missing.
[[nodiscard]] Estimate ratio_of_medians(std::span<const double> numerators, std::span<const double> denominators,
                                        std::uint64_t seed);

}  // namespace sluice::load
