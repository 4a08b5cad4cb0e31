#include "tools/load/report/bootstrap.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
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

// IEEE 754's: 0 / 0 is NaN, and anything else / 0 infinite.
double ratio(double numerator, double denominator) { return numerator / denominator; }

// Student's t of 97.5 %, by Abramowitz and Stegun 26.7.5; within 0.1 % from 6 degrees of freedom on.
double student_t(double degrees) {
    constexpr double z = 1.959964, z2 = z * z;
    constexpr double g1 = z * (z2 + 1) / 4;
    constexpr double g2 = z * ((5 * z2 + 16) * z2 + 3) / 96;
    constexpr double g3 = z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
    return z + (g1 + (g2 + g3 / degrees) / degrees) / degrees;
}
static_assert(bootstrap_confidence == 0.95);

// The share of outcomes that each end of the interval leaves out.
double expanded_tail(std::size_t numerators_count, std::size_t denominators_count) {
    const auto fewer = static_cast<double>(std::min(numerators_count, denominators_count));
    const double reach =
        std::sqrt(fewer / (fewer - 1)) * student_t(static_cast<double>(numerators_count + denominators_count) - 2);
    return std::erfc(reach / std::numbers::sqrt2) / 2;
}

}  // namespace

double median(std::span<const double> values) {
    if (std::ranges::any_of(values, [](double value) { return std::isnan(value); }))
        return std::numeric_limits<double>::quiet_NaN();
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
    // 0 / 0 may stand for any ratio: it is the least of those that bound it below, and the greatest of those above.
    std::vector<double> least, greatest;
    for (std::size_t i = 0; i < bootstrap_resamples_count; ++i) {
        const double numerator = median_of_redrawn(numerators);
        const double outcome = ratio(numerator, median_of_redrawn(denominators));
        least.push_back(std::isnan(outcome) ? 0 : outcome);
        greatest.push_back(std::isnan(outcome) ? infinity : outcome);
    }
    std::ranges::sort(least);
    std::ranges::sort(greatest);
    const double left_out = expanded_tail(numerators.size(), denominators.size()) * bootstrap_resamples_count;
    const auto index = static_cast<std::size_t>(left_out);
    estimate.low = least[index];
    estimate.high = greatest[bootstrap_resamples_count - 1 - index];
    return estimate;
}

}  // namespace sluice::load
