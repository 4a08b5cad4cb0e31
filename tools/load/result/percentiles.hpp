// Figures of a histogram as every output states them. They are 0 for a histogram that is absent or empty. Pure
// functions.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "tools/load/result/results.hpp"

namespace sluice::load {

struct Percentile {
    std::string_view name;  // as keys and table heads show it: 99.9
    double value;  // 0 to 100
};
inline constexpr std::array<Percentile, 8> headline_percentiles{
    {{"50", 50}, {"75", 75}, {"90", 90}, {"95", 95}, {"99", 99}, {"99.9", 99.9}, {"99.99", 99.99}, {"99.999", 99.999}}};

[[nodiscard]] std::uint64_t count_of(const Histogram& histogram);
// `percentile` of 0 to 100; ns. The value at the nearest rank: the ceiling, see engine/core/percentile_rank.hpp.
[[nodiscard]] std::uint64_t value_at_ns(const Histogram& histogram, double percentile);
[[nodiscard]] std::uint64_t min_ns(const Histogram& histogram);
[[nodiscard]] std::uint64_t max_ns(const Histogram& histogram);
[[nodiscard]] double mean_ns(const Histogram& histogram);
[[nodiscard]] double deviation_ns(const Histogram& histogram);  // standard deviation

// The values of `all` without those of `part`, which were recorded in both. Either may be absent.
[[nodiscard]] Histogram difference_of(const Histogram& all, const Histogram& part);
// Adds `from`, which may be absent, to `to`. Both are as make_histogram() makes them.
void add_histogram(const Histogram& from, Histogram& to);

}  // namespace sluice::load
