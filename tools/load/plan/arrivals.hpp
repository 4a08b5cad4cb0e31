// Arrivals: when each request of one load thread falls due. The schedule is fixed before the run begins and depends on
// nothing that happens in it; two Arrivals of the same plan give the same times, so a backlog needs no memory: one
// cursor says what fell due, a second one, behind it, when what is sent now should have been sent.
//
// One thread at a time: each load thread has its own.
#pragma once

#include <cstdint>
#include <optional>

#include "tools/load/plan/random.hpp"
#include "tools/load/plan/stages.hpp"

namespace sluice::load {

enum class ArrivalKind : std::uint8_t {
    constant,  // evenly spaced: request k falls due when the area under the rate reaches k
    poisson,   // independent of one another, as those of many devices are
};

struct ArrivalPlan {
    Stages rate;  // of all threads together
    ArrivalKind kind = ArrivalKind::constant;
    std::uint64_t requests_count_max = 0;  // of all threads together; 0: as the rate says
    std::uint64_t seed = 1;
};

class Arrivals {
  public:
    // Thread `thread` of `threads_count` takes every threads_count-th request; of a Poisson process, a share of its
    // rate, which is again a Poisson process.
    Arrivals(const ArrivalPlan& plan, std::uint32_t thread, std::uint32_t threads_count);

    // Of the request that is next; in ns since the begin of the schedule. Nothing when there are no more.
    [[nodiscard]] std::optional<std::uint64_t> next_ns() const { return next_ns_; }
    void advance();

  private:
    void compute();

    const ArrivalPlan* plan_;  // outlives this
    std::uint32_t threads_count_;
    Random random_;
    double area_;  // where the next request falls due
    std::uint64_t left_count_;
    std::optional<std::uint64_t> next_ns_;
};

}  // namespace sluice::load
