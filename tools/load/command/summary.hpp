// Prints the summary of a run at its end. Main thread.
#pragma once

#include <cstdio>

#include "tools/load/result/results.hpp"

namespace sluice::load {

// For people; programs read --json. A run writes it to stderr, so that standard output is free for an output.
void write_summary(const RunResult& result, std::FILE* stream);
// For --quiet: a line for each threshold that was missed and each reason why the run is invalid; else nothing.
void write_complaints(const RunResult& result, std::FILE* stream);

}  // namespace sluice::load
