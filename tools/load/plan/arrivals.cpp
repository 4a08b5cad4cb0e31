#include "tools/load/plan/arrivals.hpp"

#include <cmath>
#include <limits>

namespace sluice::load {

Arrivals::Arrivals(const ArrivalPlan& plan, std::uint32_t thread, std::uint32_t threads_count)
    : plan_(&plan),
      threads_count_(threads_count),
      random_(plan.seed * 0x9e37'79b9u + thread),
      area_(thread),
      left_count_(std::numeric_limits<std::uint64_t>::max()) {
    if (plan.requests_count_max != 0)
        left_count_ =
            plan.requests_count_max / threads_count + (thread < plan.requests_count_max % threads_count ? 1 : 0);
    if (plan.kind == ArrivalKind::poisson) area_ = random_.exponential() * threads_count;
    compute();
}

void Arrivals::advance() {
    area_ += plan_->kind == ArrivalKind::poisson ? random_.exponential() * threads_count_ : threads_count_;
    --left_count_;
    compute();
}

// No request falls due at the end itself: 10 s at 100/s are requests 0 to 999.
void Arrivals::compute() {
    next_ns_.reset();
    if (left_count_ == 0) return;
    const double second = plan_->rate.second_of_area(area_);
    if (second >= 0 && second < plan_->rate.seconds())
        next_ns_ = static_cast<std::uint64_t>(std::llround(second * 1e9));
}

}  // namespace sluice::load
