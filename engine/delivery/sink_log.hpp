// SinkLog: tells the log when a sink is lost, refuses what it is given, and is well again; and what its circuit breaker
// does about it. The breaker's attempts (half open, and open again) come as often as the backoff lets them: at level
// debug.
//
// At most one line a second. A change that comes sooner is told when the second is over, if it still holds then: so the
// last line always says how things are, and a sink that comes and goes does not flood the log.
//
// Used by whoever calls the sink's advance(), on that thread: sinks themselves know no log, and a watcher of its own
// would have to wake an idle engine.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "engine/core/log_level.hpp"
#include "sinks/sink.hpp"

namespace sluice {

class SinkLog {
  public:
    // `name` tells the sink from others in the lines: its number, or what it is for.
    explicit SinkLog(std::string name) : name_(std::move(name)) {}

    // After each advance(). Five relaxed loads where nothing has changed. `now_ns`: monotonic.
    void look(const sinks::Sink& sink, std::uint64_t now_ns) {
        const auto breaker = sink.signal().breaker.load(std::memory_order_relaxed);
        if (breaker != breaker_ || is_open() != told_open_) note_breaker(breaker, sink, now_ns);
        const Condition condition = condition_of(sink.figures());
        if (condition != seen_ || condition != told_) note(condition, sink, now_ns);
    }

    // Monotonic time at which look() is wanted although nothing happens; 0: never.
    [[nodiscard]] std::uint64_t deadline_ns() const { return seen_ != told_ || is_open() != told_open_ ? next_ns_ : 0; }

  private:
    enum class Condition : std::uint8_t { well, unreachable, refusing, wait_refused };

    // The first attempt to connect is no trouble yet.
    [[nodiscard]] static Condition condition_of(const sinks::SinkFigures& figures) {
        const auto state = figures.delivery.state.load(std::memory_order_relaxed);
        const bool refuses = figures.delivery.refused_ns.load(std::memory_order_relaxed) != 0;
        if (refuses || state == sinks::SinkState::stalled) return Condition::refusing;
        const bool has_failed =
            figures.link != nullptr && figures.link->connection_failures.load(std::memory_order_relaxed) != 0;
        if (state == sinks::SinkState::connecting && has_failed) return Condition::unreachable;
        const bool is_wait_refused =
            figures.replication != nullptr && figures.replication->is_wait_refused.load(std::memory_order_relaxed);
        return is_wait_refused ? Condition::wait_refused : Condition::well;
    }

    [[nodiscard]] bool is_open() const { return breaker_ != sinks::BreakerState::closed; }
    void note_breaker(sinks::BreakerState breaker, const sinks::Sink& sink, std::uint64_t now_ns);
    void tell_breaker(LogLevel level, const sinks::Sink& sink, std::uint64_t now_ns) const;
    void note(Condition condition, const sinks::Sink& sink, std::uint64_t now_ns);
    void tell(const sinks::Sink& sink) const;

    const std::string name_;
    Condition seen_ = Condition::well;
    Condition told_ = Condition::well;
    sinks::BreakerState breaker_ = sinks::BreakerState::closed;
    bool told_open_ = false;
    std::uint64_t opened_ns_ = 0;  // it left `closed`
    std::uint64_t open_ns_ = 0;  // for so long, the last time
    std::uint64_t next_ns_ = 0;  // no line before
    std::uint64_t began_ns_ = 0;  // the last trouble
    std::uint64_t lasted_ns_ = 0;
};

}  // namespace sluice
