// Progress: prints a line each second while a run goes on. Main thread, where the coordinator calls its observers.
//
// A line that the stream does not take at once, because a pipe is full or a terminal is stopped, is left out: the run
// goes on.
#pragma once

#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "tools/load/plan/run_plan.hpp"
#include "tools/load/result/results.hpp"

namespace sluice::load {

// On a terminal one line that is written over, and that fits; else one line each second.
class Progress final : public Observer {
  public:
    // `stream` outlives it; `plan` is not kept.
    Progress(const RunPlan& plan, std::FILE* stream);
    void on_interval(const Interval& interval) override;
    void on_stopping() override;
    // Ends the line that is written over.
    // Once, after the last interval. Without it the next output would be on the same line.
    void finish();

  private:
    [[nodiscard]] std::string errors_of(const Counts& counts) const;

    std::FILE* stream_;
    bool is_terminal_;
    bool has_line_ = false;
    std::array<bool, 600> is_error_{};  // by status: no endpoint of the plan takes it for a success
};

// Writes the text past the buffer of the stream, which holds nothing. Does not wait for the reader: text that is not
// taken at once is dropped.
void write_if_taken(std::FILE* stream, std::string_view text);

// A piece of a line. Where there is no room for all, the one of the highest rank goes first; one of rank 0 stays.
struct LinePart {
    std::string text;
    int rank = 0;
};
// The parts with two blanks between them, in at most `columns` bytes.
[[nodiscard]] std::string fitted_line(std::vector<LinePart> parts, std::size_t columns);

}  // namespace sluice::load
