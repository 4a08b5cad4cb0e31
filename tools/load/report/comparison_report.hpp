// Writes a comparison as JSON, as Markdown, and as one offline page with plots. Main thread.
#pragma once

#include <cstdio>

#include "tools/load/report/comparison.hpp"

namespace sluice::load {

// {"format": "sluice-load-comparison/1", "seed", "valid", "invalid_reasons"[], "failures"[], "ended_early",
//  "contenders": [{"name", "target", "runs",
//   "figures": {"p99_ns": {"values"[], "median", "ratio", "ratio_low", "ratio_high"}, …}}]}; "rate": successes a
//   second.
// null: of "ended_early", that all rounds were run; of a ratio, that it is unknown, that the first's
// median is 0, or that it would be one of latencies of a contender that failed; of
// "ratio_low" and "ratio_high" both, that nothing is known; of "ratio_high" alone, that there is no upper bound.
void write_comparison_json(const Comparison& comparison, std::FILE* stream);
// A table: a row for each contender, a column for each figure with its ratio to the first and the interval.
void write_comparison_markdown(const Comparison& comparison, std::FILE* stream);
void write_comparison_html(const Comparison& comparison, std::FILE* stream);

}  // namespace sluice::load
