// Writes the report of a run as one offline page, for light and dark screens and for paper. The page has no script.
// Main thread.
#pragma once

#include <cstdio>

#include "tools/load/result/results.hpp"

namespace sluice::load {

void write_html(const RunResult& result, std::FILE* stream);

}  // namespace sluice::load
