#include "engine/delivery/sink_log.hpp"

#include <utility>

#include "engine/log/log.hpp"

namespace sluice {
namespace {

constexpr std::uint64_t interval_ns = 1'000'000'000;

}  // namespace

void SinkLog::on_breaker_change(sinks::BreakerState breaker, const sinks::Sink& sink, std::uint64_t now_ns) {
    if (breaker != breaker_) {
        const bool was_open = is_open();
        breaker_ = breaker;
        if (!was_open && is_open()) opened_ns_ = now_ns;
        if (was_open && !is_open()) open_ns_ = now_ns - opened_ns_;
        if (was_open && is_open()) tell_breaker(LogLevel::debug, sink, now_ns);
    }
    if (is_open() == told_open_ || now_ns < next_ns_) return;
    tell_breaker(is_open() ? LogLevel::warn : LogLevel::info, sink, now_ns);
    told_open_ = is_open();
    next_ns_ = now_ns + interval_ns;
}

void SinkLog::tell_breaker(LogLevel level, const sinks::Sink& sink, std::uint64_t now_ns) const {
    const auto in_s = [](std::uint64_t ns) { return static_cast<double>(ns / 1'000'000) / 1e3; };
    if (!is_open())
        return log::line(level, "sink_breaker", {{"sink", name_}, {"state", "closed"}, {"after_s", in_s(open_ns_)}});
    const std::uint64_t retry_ns = sink.signal().breaker_retry_ns.load(std::memory_order_relaxed);
    log::line(level, "sink_breaker",
              {{"sink", name_},
               {"state", sinks::name_of(breaker_)},
               {"failures", sink.figures().delivery.breaker_failures.load(std::memory_order_relaxed)},
               {"retry_in_s", in_s(retry_ns > now_ns ? retry_ns - now_ns : 0)},
               {"reason", sink.last_error()}});
}

// A server may end idle connections: only another one than before is worth a line.
void SinkLog::on_connect(const sinks::LinkFigures& link, const sinks::Sink& sink, std::uint64_t now_ns) {
    if (is_server_untold_ && now_ns < server_next_ns_) return;
    std::string server = sink.connected_to();
    is_server_untold_ = !server.empty() && server != server_;
    if (is_server_untold_ && now_ns < server_next_ns_) return;
    connects_seen_count_ = link.connects.load(std::memory_order_relaxed);
    if (!std::exchange(is_server_untold_, false)) return;
    log::info("sink_connected", {{"sink", name_}, {"server", server}});
    server_ = std::move(server);
    server_next_ns_ = now_ns + interval_ns;
}

void SinkLog::on_condition_change(Condition condition, const sinks::Sink& sink, std::uint64_t now_ns) {
    if (seen_ == Condition::well && condition != Condition::well) began_ns_ = now_ns;
    if (seen_ != Condition::well && condition == Condition::well) lasted_ns_ = now_ns - began_ns_;
    seen_ = condition;
    if (seen_ == told_ || now_ns < next_ns_) return;
    tell(sink);
    told_ = seen_;
    next_ns_ = now_ns + interval_ns;
}

void SinkLog::tell(const sinks::Sink& sink) const {
    const sinks::SinkFigures figures = sink.figures();
    const std::uint64_t failures_count =
        figures.link == nullptr ? 0 : figures.link->connection_failures.load(std::memory_order_relaxed);
    switch (seen_) {
        case Condition::well:
            log::info("sink_restored", {{"sink", name_},
                                        {"after_s", static_cast<double>(lasted_ns_ / 1'000'000) / 1e3},
                                        {"connection_failures", failures_count}});
            break;
        case Condition::unreachable:
            log::warn("sink_unreachable",
                      {{"sink", name_}, {"reason", sink.last_error()}, {"connection_failures", failures_count}});
            break;
        case Condition::refusing: {
            // A sink may be stalled without a refusal: a cluster of which nobody serves a slot. That passes by itself,
            // too.
            const bool is_refused = figures.delivery.refusal.load(std::memory_order_relaxed) == CommandOutcome::refused;
            log::warn("sink_refuses",
                      {{"sink", name_}, {"class", is_refused ? "refused" : "busy"}, {"reason", sink.last_error()}});
            break;
        }
        case Condition::wait_refused:
            log::warn("sink_wait_refused", {{"sink", name_}, {"reason", sink.last_error()}});
            break;
    }
}

}  // namespace sluice
