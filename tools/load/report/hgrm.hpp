// HdrHistogram's table of percentiles, as its plotter (hdrhistogram.github.io/HdrHistogram/plotFiles.html) and other
// tools read it: latency in ms, percentile of 0 to 1, count so far, 1/(1-percentile). One histogram a file; nothing for
// an empty one.
//
// Main thread.
#pragma once

#include <cstdio>

#include "tools/load/result/results.hpp"

namespace sluice::load {

void write_hgrm(const Histogram& histogram, std::FILE* stream);

}  // namespace sluice::load
