// Prints the summary of a run at its end. Main thread.
#pragma once

#include <cstdio>

#include "tools/load/result/results.hpp"

namespace sluice::load {

// For people; programs read --json. Its last line is the verdict, where it is not good.
void write_summary(const RunResult& result, std::FILE* stream);
// For --quiet: a line for each threshold that was missed, each reason why the run is invalid, and the one why it
// failed; else nothing.
void write_complaints(const RunResult& result, std::FILE* stream);

}  // namespace sluice::load
