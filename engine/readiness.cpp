#include "engine/readiness.hpp"

#include <nlohmann/json.hpp>

#include "engine/core/refusal.hpp"

namespace sluice {

Readiness::Verdict Readiness::verdict() const {
    const auto no = [](Refusal refusal) {
        return Verdict{false, info_of(refusal).code, std::string(info_of(refusal).sentence)};
    };
    if (state_.draining.load(std::memory_order_relaxed)) return no(Refusal::draining);
    if (state_.paused.load(std::memory_order_relaxed)) return no(Refusal::paused);
    for (const auto& thread : sinks_) {
        const auto state = thread->sink().counters().state.load(std::memory_order_relaxed);
        if (state == sinks::SinkState::ready) continue;
        Verdict verdict = no(Refusal::not_ready);
        const std::string trouble = thread->sink().trouble();
        verdict.reason = std::string("The sink is ") + sinks::name_of(state) + (trouble.empty() ? "." : ": " + trouble);
        return verdict;
    }
    return {true, "", ""};
}

std::string Readiness::body(const Verdict& verdict) const {
    if (verdict.is_ready) return R"({"status":"ready"})";
    const nlohmann::ordered_json body{{"ok", false}, {"status", "not ready"}, {"error", verdict.reason}, {"code", verdict.code}};
    return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace sluice
