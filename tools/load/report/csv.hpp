// One line for each second of a run, after a line of column names: RFC 4180 without quotes, since all are numbers.
// Latencies are ns, and empty where nothing was answered; warmup is 0 or 1; status_2xx counts the responses of that
// class; one column for each Fault. A scenario that tells its endpoints apart has columns `endpoint_NAME_sent` and so
// on for each of them behind these; such a name of a column is quoted where it must be.
//
// Main thread, where the coordinator calls its observers.
#pragma once

#include <cstdio>

#include "tools/load/result/results.hpp"

namespace sluice::load {

class CsvWriter : public Observer {
  public:
    // `stream` stays the caller's and must outlive this. Each line is flushed, so that a run can be followed. Nothing
    // is written before the first second.
    explicit CsvWriter(std::FILE* stream) : stream_(stream) {}
    void on_interval(const Interval& interval) override;

  private:
    void write_head(const Interval& interval);

    std::FILE* stream_;
    bool has_head_ = false;
};

}  // namespace sluice::load
