// SpanTotals: adds up the spans of all load threads, second by second, and tells the observers of each second. On the
// thread of the coordinator.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tools/load/plan/run_plan.hpp"
#include "tools/load/result/results.hpp"
#include "tools/load/run/load_thread.hpp"
#include "tools/load/run/recorder.hpp"

namespace sluice::load {

using Threads = std::vector<std::unique_ptr<LoadThread>>;

class SpanTotals {
  public:
    // All of them outlive it. `result` gets the seconds and the sums.
    SpanTotals(const RunPlan& plan, const std::vector<Observer*>& observers, RunResult& result);

    // Takes a span of each thread that has one. True if any had.
    [[nodiscard]] bool take(Threads& threads);
    // The run ends early: from here on observers are told that no time is left.
    void begin_stop();
    // `stopped_ns`: when an interrupted run ended, since its start; what came later it only waited for. 0: it was not
    // interrupted.
    void finish(std::uint64_t stopped_ns);

    [[nodiscard]] std::uint64_t own_lag_p99_ns() const;
    [[nodiscard]] const Span& total() const { return total_; }

  private:
    [[nodiscard]] bool is_warmup(const Span& span) const;
    void end_interval();
    void add_to_result();
    [[nodiscard]] Second second_of(bool warmup) const;
    void notify_observers(bool warmup);

    const RunPlan& plan_;
    const std::vector<Observer*>& observers_;
    RunResult& result_;
    Span interval_, total_;
    Histogram own_lag_ = make_histogram();
    std::vector<std::uint64_t> cpu_ns_;  // of each thread, while measured
    std::uint64_t last_end_ns_ = 0;
    bool is_stopping_ = false;
};

}  // namespace sluice::load
