// The figures of a run as words of a line, for progress, summary and search. Pure functions.
#pragma once

#include <string>

#include "tools/load/result/results.hpp"

namespace sluice::load {

// `1.53 ms`; a hyphen if there is none. The histogram may be absent.
// `percentile` is 0 to 100; 100 is the greatest.
[[nodiscard]] std::string latency_text(const Histogram& histogram, double percentile);

}  // namespace sluice::load
