// The table of all metrics in Markdown: `sluice print-metrics`, and the generated part of docs/metrics.md.
#pragma once

#include <string>

namespace sluice {

// A section for each group. Ends with a line feed.
[[nodiscard]] std::string print_metrics();

}  // namespace sluice
