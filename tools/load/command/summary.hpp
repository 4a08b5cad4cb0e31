// What a run says to a person: a line each second, and a summary at the end.
#pragma once

#include <cstdio>

#include "tools/load/report/results.hpp"

namespace sluice::load {

// On a terminal one line that is written over; else one line each second.
class Progress final : public Observer {
  public:
    explicit Progress(std::FILE* stream);
    void on_interval(const Interval& interval) override;
    void on_stopping() override;
    // Ends the line that is written over.
    void finish();

  private:
    std::FILE* stream_;
    bool is_terminal_;
    bool has_line_ = false;
};

void write_summary(const RunResult& result, std::FILE* stream);

}  // namespace sluice::load
