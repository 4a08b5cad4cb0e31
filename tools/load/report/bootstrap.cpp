#include "tools/load/report/bootstrap.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace sluice::load {
namespace {

double median_in_place(std::span<double> values) {
    if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 == 1) return *middle;
    return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

double ratio(double numerator, double denominator) {
    return denominator == 0 ? std::numeric_limits<double>::quiet_NaN() : numerator / denominator;
}

}  // namespace

double median(std::span<const double> values) {
    std::vector<double> copy(values.begin(), values.end());
    return median_in_place(copy);
}

Estimate ratio_of_medians(std::span<const double> numerators, std::span<const double> denominators,
                          std::uint64_t seed) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    Estimate estimate{.value = ratio(median(numerators), median(denominators)), .low = -infinity, .high = infinity};
    if (std::isnan(estimate.value) || std::min(numerators.size(), denominators.size()) < bootstrap_runs_min)
        return estimate;

    std::mt19937_64 random(seed);
    std::vector<double> drawn;
    const auto median_of_redrawn = [&](std::span<const double> values) {
        drawn.resize(values.size());
        // The remainder's bias is below 1e-17 for any number of runs, and it gives the same on every machine.
        for (double& value : drawn) value = values[random() % values.size()];
        return median_in_place(drawn);
    };
    std::vector<double> ratios;
    ratios.reserve(bootstrap_resamples_count);
    for (std::size_t i = 0; i < bootstrap_resamples_count; ++i) {
        const double numerator = median_of_redrawn(numerators);
        const double drawn_ratio = ratio(numerator, median_of_redrawn(denominators));
        if (!std::isnan(drawn_ratio)) ratios.push_back(drawn_ratio);
    }
    if (ratios.empty()) return estimate;
    std::ranges::sort(ratios);
    const auto at = [&](double share) {
        return ratios[static_cast<std::size_t>(std::llround(share * static_cast<double>(ratios.size() - 1)))];
    };
    constexpr double tail = (1 - bootstrap_confidence) / 2;
    estimate.low = at(tail);
    estimate.high = at(1 - tail);
    return estimate;
}

}  // namespace sluice::load
