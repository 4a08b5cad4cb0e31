#include "engine/readiness.hpp"

#include <nlohmann/json.hpp>

#include "engine/core/clock.hpp"
#include "engine/core/refusal.hpp"

namespace sluice {
namespace {

bool refuses(const sinks::SinkCounters& counters) {
    const std::uint64_t refused_ns = counters.refused_ns.load(std::memory_order_relaxed);
    if (refused_ns == 0) return false;
    const std::uint64_t now_ns = monotonic_ns();
    // The sink's thread may have written a time after ours.
    return refused_ns > now_ns || now_ns - refused_ns < Readiness::refusal_counts_for_ns;
}

std::string reason_of(const sinks::Sink& sink, std::string what) {
    const std::string trouble = sink.trouble();
    return what + (trouble.empty() ? "." : ": " + trouble);
}

}  // namespace

Readiness::Verdict Readiness::verdict() const {
    const auto no = [](Refusal refusal) {
        return Verdict{false, info_of(refusal).code, std::string(info_of(refusal).sentence)};
    };
    if (state_.draining.load(std::memory_order_relaxed)) return no(Refusal::draining);
    if (state_.paused.load(std::memory_order_relaxed)) return no(Refusal::paused);
    if (const auto refusal = state_.admission.refusal()) return no(*refusal);
    for (const auto& thread : sinks_) {
        const sinks::Sink& sink = thread->sink();
        const auto state = sink.counters().state.load(std::memory_order_relaxed);
        const bool is_ready = state == sinks::SinkState::ready;
        if (is_ready && !refuses(sink.counters())) continue;
        Verdict verdict = no(Refusal::not_ready);
        verdict.reason = reason_of(
            sink, is_ready ? "The sink refuses samples" : std::string("The sink is ") + sinks::name_of(state));
        return verdict;
    }
    return {true, "", ""};
}

std::string Readiness::body(const Verdict& verdict) const {
    if (verdict.is_ready) return R"({"status":"ready"})";
    const nlohmann::ordered_json body{
        {"ok", false}, {"status", "not ready"}, {"error", verdict.reason}, {"code", verdict.code}};
    return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace sluice
