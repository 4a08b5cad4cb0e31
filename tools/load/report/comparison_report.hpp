// A comparison for programs (JSON), for a README or an issue (Markdown), and for people (one offline page with plots).
#pragma once

#include <cstdio>

#include "tools/load/report/comparison.hpp"

namespace sluice::load {

// {"format": "sluice-load-comparison/1", "seed", "valid", "invalid_reasons"[], "contenders": [{"name", "target", "runs",
//  "figures": {"p99_ns": {"values"[], "median", "ratio", "ratio_low", "ratio_high"}, …}}]}; null where nothing is known.
void write_comparison_json(const Comparison& comparison, std::FILE* stream);
// A table: a row for each contender, a column for each figure with its ratio to the first and the interval.
void write_comparison_markdown(const Comparison& comparison, std::FILE* stream);
void write_comparison_html(const Comparison& comparison, std::FILE* stream);

}  // namespace sluice::load
