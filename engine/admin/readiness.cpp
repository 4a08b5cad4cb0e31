#include "engine/admin/readiness.hpp"

#include <nlohmann/json.hpp>

#include "engine/core/clock.hpp"
#include "engine/core/refusal.hpp"

namespace sluice {
namespace {

bool refuses(const sinks::Sink& sink) {
    const std::uint64_t refused_ns = sink.figures().delivery.refused_ns.load(std::memory_order_relaxed);
    if (refused_ns == 0) return false;
    const std::uint64_t now_ns = monotonic_ns();
    // The sink's thread may have written a time after ours.
    return refused_ns > now_ns || now_ns - refused_ns < Readiness::refusal_counts_for_ns;
}

// What keeps the sink from taking samples; empty: nothing. A breaker that waits for samples to show how the sink is
// keeps nobody away: a load balancer that was told so would never send one.
std::string what_is_wrong(const sinks::Sink& sink) {
    const auto state = sink.figures().delivery.state.load(std::memory_order_relaxed);
    const auto breaker = sink.signal().breaker.load(std::memory_order_relaxed);
    std::string what;
    if (state != sinks::SinkState::ready) what = std::string("The sink is ") + sinks::name_of(state);
    else if (breaker == sinks::BreakerState::open || refuses(sink)) what = "The sink refuses samples";
    if (!what.empty() && breaker != sinks::BreakerState::closed)
        what +=
            std::string(", its circuit breaker is ") + (breaker == sinks::BreakerState::open ? "open" : "half open");
    return what;
}

}  // namespace

Readiness::Verdict Readiness::verdict() const {
    const auto no = [](Refusal refusal) {
        return Verdict{false, info_of(refusal).code, std::string(info_of(refusal).sentence), ""};
    };
    if (state_.draining.load(std::memory_order_relaxed)) return no(Refusal::draining);
    if (state_.paused.load(std::memory_order_relaxed)) return no(Refusal::paused);
    if (const auto refusal = state_.admission.refusal()) return no(*refusal);
    for (const auto& thread : sinks_) {
        const sinks::Sink& sink = thread->sink();
        std::string what = what_is_wrong(sink);
        if (what.empty()) continue;
        const std::string trouble = sink.trouble();
        Verdict verdict = no(Refusal::not_ready);
        verdict.reason = std::move(what) + (trouble.empty() ? "." : ": " + trouble);
        verdict.breaker = sinks::name_of(sink.signal().breaker.load(std::memory_order_relaxed));
        return verdict;
    }
    return {true, "", "", ""};
}

std::string Readiness::body(const Verdict& verdict) const {
    if (verdict.is_ready) return R"({"status":"ready"})";
    nlohmann::ordered_json body{
        {"ok", false}, {"status", "not ready"}, {"error", verdict.reason}, {"code", verdict.code}};
    if (!verdict.breaker.empty()) body["breaker"] = verdict.breaker;
    return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace sluice
