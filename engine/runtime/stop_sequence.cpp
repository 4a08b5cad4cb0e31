#include "engine/runtime/stop_sequence.hpp"

namespace sluice {

void StopSequence::on_stop_signal(std::uint64_t now_ns) {
    if (!is_asked_) asked_ns_ = now_ns;
    else if (now_ns - asked_ns_ >= repeat_ns) is_urged_ = true;
    is_asked_ = true;
}

bool StopSequence::advance(std::uint64_t now_ns, const Progress& progress) {
    const Phase phase = next(now_ns, progress);
    if (phase == phase_) return false;
    phase_ = phase;
    phase_began_ns_ = now_ns;
    return true;
}

StopSequence::Phase StopSequence::next(std::uint64_t now_ns, const Progress& progress) const {
    if (is_urged_ && !is_over()) return Phase::at_once;
    switch (phase_) {
        case Phase::serving: return is_asked_ ? Phase::draining : Phase::serving;
        case Phase::draining: {
            const bool is_time_up = now_ns - phase_began_ns_ >= drain_ns_max_;
            return progress.is_drained || is_time_up ? Phase::ending : Phase::draining;
        }
        case Phase::ending: return progress.has_ended ? Phase::ended : Phase::ending;
        case Phase::ended:
        case Phase::at_once: break;
    }
    return phase_;
}

}  // namespace sluice
