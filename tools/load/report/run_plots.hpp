// The plots of one run, made from its histograms and seconds. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/load/report/svg_plot.hpp"
#include "tools/load/result/results.hpp"

namespace sluice::load {

// A y axis for ns, logarithmic.
[[nodiscard]] AxisOptions latency_axis();
// Latency in ns against percentile of 0 to 100; some 20 points for each halving of what remains. Empty: no points.
[[nodiscard]] Series percentile_series(std::string name, const Histogram& histogram);
// With any histograms' series: the axis ends where `count`, the largest histogram's, has one value left.
[[nodiscard]] Plot percentile_plot(std::vector<Series> series, std::uint64_t count);

[[nodiscard]] Plot latency_by_percentile(const RunResult& result);
// Corrected, a line for each endpoint.
[[nodiscard]] Plot latency_by_endpoint(const RunResult& result);
[[nodiscard]] Plot latency_over_time(const RunResult& result);
[[nodiscard]] Plot rate_over_time(const RunResult& result);
[[nodiscard]] Plot errors_over_time(const RunResult& result);
[[nodiscard]] Plot lag_over_time(const RunResult& result);
[[nodiscard]] Plot connections_over_time(const RunResult& result);

}  // namespace sluice::load
