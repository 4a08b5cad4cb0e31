// SinkLog: logs which server a sink has reached, when a sink is unreachable, refuses batches, and recovers; and when
// its circuit breaker opens and closes. The breaker's attempts in between are logged at level debug.
//
// At most one line a second. A change that comes sooner is logged when the second is over, if it still holds: the last
// line is always true, and a sink that comes and goes does not flood the log.
//
// Called after each advance() of the sink, on its thread. Sinks do not log; a thread for this would wake an idle
// engine.
#pragma once

#include <algorithm>
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

    // After each advance(). Six relaxed loads where nothing has changed. `now_ns`: monotonic.
    void observe(const sinks::Sink& sink, std::uint64_t now_ns) {
        const auto breaker = sink.signal().breaker.load(std::memory_order_relaxed);
        if (breaker != breaker_ || is_open() != told_open_) on_breaker_change(breaker, sink, now_ns);
        const sinks::SinkFigures figures = sink.figures();
        if (figures.link != nullptr && figures.link->connects.load(std::memory_order_relaxed) != connects_seen_count_)
            on_connect(*figures.link, sink, now_ns);
        const Condition condition = condition_of(figures);
        if (condition != seen_ || condition != told_) on_condition_change(condition, sink, now_ns);
    }

    // Monotonic time at which observe() is wanted although nothing happens; 0: never.
    [[nodiscard]] std::uint64_t deadline_ns() const {
        const std::uint64_t change_ns = seen_ != told_ || is_open() != told_open_ ? next_ns_ : 0;
        if (!is_server_untold_) return change_ns;
        return change_ns == 0 ? server_next_ns_ : std::min(change_ns, server_next_ns_);
    }

  private:
    enum class Condition : std::uint8_t { well, unreachable, refusing, wait_refused };

    // The first attempt to connect is no failure yet.
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
    void on_breaker_change(sinks::BreakerState breaker, const sinks::Sink& sink, std::uint64_t now_ns);
    void tell_breaker(LogLevel level, const sinks::Sink& sink, std::uint64_t now_ns) const;
    void on_condition_change(Condition condition, const sinks::Sink& sink, std::uint64_t now_ns);
    void tell(const sinks::Sink& sink) const;
    void on_connect(const sinks::LinkFigures& link, const sinks::Sink& sink, std::uint64_t now_ns);

    const std::string name_;
    Condition seen_ = Condition::well;
    Condition told_ = Condition::well;
    sinks::BreakerState breaker_ = sinks::BreakerState::closed;
    bool told_open_ = false;
    std::uint64_t opened_ns_ = 0;  // it left `closed`
    std::uint64_t open_ns_ = 0;  // for so long, the last time
    std::uint64_t next_ns_ = 0;  // no line before
    std::uint64_t connects_seen_count_ = 0;
    std::string server_;  // that it is connected to, as the last line told
    bool is_server_untold_ = false;  // another one is
    std::uint64_t server_next_ns_ = 0;  // no line about it before
    std::uint64_t began_ns_ = 0;  // the last condition that is not `well`
    std::uint64_t lasted_ns_ = 0;
};

}  // namespace sluice
