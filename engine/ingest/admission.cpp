#include "engine/ingest/admission.hpp"

#include <algorithm>

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

Admission::Admission(const EngineState& state, std::vector<const sinks::SinkSignal*> sinks) : state_(state) {
    for (const sinks::SinkSignal* signal : sinks) sinks_.push_back({signal});
}

bool Admission::Sink::takes_stored() const {
    if (signal->breaker.load(std::memory_order_relaxed) == sinks::BreakerState::closed) return true;
    const std::uint64_t turn = signal->breaker_turn.load(std::memory_order_relaxed);
    return turn != 0 && turn != turn_used;
}

// Which sink a sample goes to is known only when it is decoded: so it takes all of them to refuse before that.
bool Admission::any_takes_stored() const {
    return std::ranges::any_of(sinks_, [](const Sink& sink) { return sink.takes_stored(); });
}

std::optional<Refusal> Admission::check(AckLevel level) const {
    if (state_.paused.load(std::memory_order_relaxed)) return Refusal::paused;
    if (const auto refusal = state_.admission.refusal()) return refusal;
    // It waits for nobody: it is taken as long as there is room.
    if (level == AckLevel::queued) return std::nullopt;
    for (const Sink& sink : sinks_)
        if (const auto refusal = refusal_of_journal(*sink.signal)) return refusal;
    if (waits_for_redis(level) && !any_takes_stored()) return Refusal::sink_unavailable;
    return std::nullopt;
}

std::optional<Refusal> Admission::check_lanes(AckLevel level, std::span<const std::uint32_t> lanes) const {
    if (!waits_for_redis(level)) return std::nullopt;
    for (const Sink& sink : sinks_)
        for (const std::uint32_t lane : lanes)
            if (sinks::is_lane_away(*sink.signal, lane)) return Refusal::sink_unavailable;
    return std::nullopt;
}

void Admission::taken(AckLevel level) {
    if (!waits_for_redis(level)) return;
    for (Sink& sink : sinks_) {
        const std::uint64_t turn = sink.signal->breaker_turn.load(std::memory_order_relaxed);
        if (turn != 0) sink.turn_used = turn;
    }
}

std::uint64_t Admission::retry_ns() const {
    const std::uint64_t opens_ns =
        state_.admission.refusal() ? state_.admission.opens_ns.load(std::memory_order_relaxed) : 0;
    if (any_takes_stored()) return opens_ns;
    std::uint64_t first_ns = 0;
    for (const Sink& sink : sinks_) {
        const std::uint64_t retry_ns = sink.signal->breaker_retry_ns.load(std::memory_order_relaxed);
        if (retry_ns != 0 && (first_ns == 0 || retry_ns < first_ns)) first_ns = retry_ns;
    }
    return std::max(first_ns, opens_ns);
}

}  // namespace sluice
