#include "engine/admin/readiness.hpp"

#include <optional>
#include <utility>

#include "engine/core/clock.hpp"
#include "engine/core/refusal.hpp"

namespace sluice {
namespace {

bool refuses(const sinks::DeliveryFigures& figures) {
    const std::uint64_t refused_ns = figures.refused_ns.load(std::memory_order_relaxed);
    if (refused_ns == 0) return false;
    const std::uint64_t now_ns = monotonic_ns();
    // The sink's thread may have read the clock after this one.
    return refused_ns > now_ns || now_ns - refused_ns < Readiness::refusal_counts_for_ns;
}

// What keeps the sink from taking samples; empty: nothing. A breaker that waits for a sample is no reason: a load
// balancer that was told so would never send one.
std::string fault_of(const sinks::Sink& sink) {
    const sinks::DeliveryFigures& figures = sink.figures().delivery;
    const auto state = figures.state.load(std::memory_order_relaxed);
    const auto breaker = sink.signal().breaker.load(std::memory_order_relaxed);
    std::string what;
    if (state != sinks::SinkState::ready) what = std::string("The sink is ") + sinks::name_of(state);
    else if (breaker == sinks::BreakerState::open || refuses(figures)) what = "The sink refuses samples";
    if (!what.empty() && breaker != sinks::BreakerState::closed)
        what +=
            std::string(", its circuit breaker is ") + (breaker == sinks::BreakerState::open ? "open" : "half open");
    return what;
}

ReadinessState not_ready(Refusal refusal) {
    return {false, info_of(refusal).code, std::string(info_of(refusal).sentence), ""};
}

// State, breaker and last error are read one after the other, without a lock around them. While the sink changes they
// may be of different moments.
std::optional<ReadinessState> not_ready(const sinks::Sink& sink) {
    std::string fault = fault_of(sink);
    if (fault.empty()) return std::nullopt;
    const std::string last_error = sink.last_error();
    ReadinessState state = not_ready(Refusal::not_ready);
    state.reason = std::move(fault) + (last_error.empty() ? "." : ": " + last_error);
    state.breaker = sinks::name_of(sink.signal().breaker.load(std::memory_order_relaxed));
    return state;
}

}  // namespace

// The drain first: it is final. Then in the order in which Admission::check() refuses: paused, a bound that is passed,
// the sink.
ReadinessState Readiness::state() const {
    if (state_.is_draining.load(std::memory_order_relaxed)) return not_ready(Refusal::draining);
    if (state_.is_paused.load(std::memory_order_relaxed)) return not_ready(Refusal::paused);
    if (const auto refusal = state_.gauges.refusal()) return not_ready(*refusal);
    if (auto fault = not_ready(sink_.sink())) return *std::move(fault);
    return {};
}

}  // namespace sluice
