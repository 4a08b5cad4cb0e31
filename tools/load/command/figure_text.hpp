// The figures of a run as words of a line, for progress, summary and search. Pure functions.
#pragma once

#include <string>

#include "tools/load/result/results.hpp"

namespace sluice::load {

// `1.53 ms`; a hyphen if there is none.
// `percentile` is 0 to 100; 100 is the greatest.
[[nodiscard]] std::string latency_text(const Histogram& histogram, double percentile);
// `200: 1234  503: 2`, and `timeout: 3  bad_status: 2`: without those that did not occur; empty if none did.
[[nodiscard]] std::string statuses_text(const Counts& counts);
[[nodiscard]] std::string faults_text(const Counts& counts);

}  // namespace sluice::load
