// The report of a run for people: one page, offline, light or dark, and on paper. Everything is drawn here; the page
// has no script.
#pragma once

#include <cstdio>

#include "tools/load/result/results.hpp"

namespace sluice::load {

void write_html(const RunResult& result, std::FILE* stream);

}  // namespace sluice::load
