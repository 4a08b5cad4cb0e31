// HdrHistogram's log, format 1.2 with V2 histograms: per second one line for each of the three latencies, told apart by
// their tags corrected, uncorrected and lag. Seconds of the warm-up have the tags warmup_corrected and so on, so that
// the sum of a tag's lines is the run's histogram. The corrected latency of an endpoint that has a name has the tag
// endpoint_NAME, with `_` for what a tag may not hold. Values are ns; times are Unix seconds.
//
// Main thread, where the coordinator calls its observers.
#pragma once

#include <hdr/hdr_histogram_log.h>

#include <cstdint>
#include <cstdio>
#include <string>

#include "tools/load/result/results.hpp"

namespace sluice::load {

class HlogWriter : public Observer {
  public:
    // `stream` stays the caller's and must outlive this. What fails to be written, the stream remembers.
    // `version`: of sluice-load.
    HlogWriter(std::FILE* stream, std::string version);
    void on_begin(std::int64_t began_at_ms) override;
    void on_interval(const Interval& interval) override;

  private:
    std::FILE* stream_;
    std::string version_;
    hdr_log_writer writer_{};
    double began_at_s_ = 0;  // Unix time
};

}  // namespace sluice::load
