#include "engine/ingest/admission.hpp"

#include <algorithm>

#include "engine/core/check.hpp"

namespace sluice {
namespace {

bool waits_for_redis(AckLevel level) { return level == AckLevel::stored || level == AckLevel::replicated; }

// A journal that is full or refuses keeps `queued` samples, and they would keep a ticket behind them from ever being
// looked at.
std::optional<Refusal> refusal_of_journal(const sinks::SinkSignal& signal) {
    switch (signal.refuses.load(std::memory_order_relaxed)) {
        case CommandOutcome::delivered: break;
        case CommandOutcome::busy: return Refusal::sink_busy;
        case CommandOutcome::refused: return Refusal::sink_refused;
    }
    return std::nullopt;
}

}  // namespace

// Closed, or half open with a turn that this reactor has not used.
bool Admission::takes_stored() const {
    if (signal_.breaker.load(std::memory_order_relaxed) == sinks::BreakerState::closed) return true;
    const std::uint64_t turn = signal_.breaker_turn.load(std::memory_order_relaxed);
    return turn != 0 && turn != used_turn_number_;
}

std::optional<Refusal> Admission::check(AckLevel level) const {
    if (state_.is_paused.load(std::memory_order_relaxed)) return Refusal::paused;
    if (const auto refusal = state_.gauges.refusal()) return refusal;
    // It waits for nobody: it is taken as long as there is room.
    if (level == AckLevel::queued) return std::nullopt;
    if (const auto refusal = refusal_of_journal(signal_)) return refusal;
    if (waits_for_redis(level) && !takes_stored()) return Refusal::sink_unavailable;
    return std::nullopt;
}

std::optional<Refusal> Admission::check_lanes(AckLevel level, std::span<const std::uint32_t> lanes) const {
    if (!waits_for_redis(level)) return std::nullopt;
    for (const std::uint32_t lane : lanes)
        if (sinks::is_lane_away(signal_, lane)) return Refusal::sink_unavailable;
    return std::nullopt;
}

void Admission::taken(AckLevel level) {
    if (!waits_for_redis(level)) return;
    const std::uint64_t turn = signal_.breaker_turn.load(std::memory_order_relaxed);
    if (turn == 0) return;
    CHECK(turn >= used_turn_number_);  // the sink counts its turns up, and one atomic is never read backwards
    used_turn_number_ = turn;
}

std::uint64_t Admission::retry_ns() const {
    const std::uint64_t opens_ns = state_.gauges.refusal() ? state_.gauges.opens_ns.load(std::memory_order_relaxed) : 0;
    if (takes_stored()) return opens_ns;
    return std::max(signal_.breaker_retry_ns.load(std::memory_order_relaxed), opens_ns);
}

}  // namespace sluice
