#include "engine/runtime/run.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/core/clock.hpp"
#include "engine/core/descriptor.hpp"
#include "engine/io/process_signals.hpp"
#include "engine/log/log.hpp"
#include "engine/runtime/stop_sequence.hpp"

namespace sluice {
namespace {

using Phase = StopSequence::Phase;

// Nothing of the engine can end a sigtimedwait(2), so its progress is polled.
constexpr std::uint64_t poll_interval_ns = 10'000'000;
// While it serves, there is no progress to look at.
constexpr std::uint64_t serving_interval_ns = 3600 * std::uint64_t{1'000'000'000};

std::vector<log::Field> totals_of(const Engine::Report& report) {
    return {{"received", report.received},       {"accepted", report.accepted}, {"journaled", report.journaled},
            {"delivered", report.delivered},     {"rejected", report.rejected}, {"dropped", report.dropped},
            {"undelivered", report.undelivered}, {"lost", report.lost},         {"conserved", report.is_conserved}};
}

// A run of an engine, on the main thread.
class Run {
  public:
    Run(Engine& engine, const sigset_t& signals)
        : engine_(engine), signals_(signals), sequence_(engine.drain_ns_max()) {}

    RunOutcome until_stopped() {
        while (!sequence_.is_over()) {  // ends: with the last phase; draining and ending have deadlines of their own
            const bool is_serving = sequence_.phase() == Phase::serving;
            const int signal = next_signal(is_serving ? serving_timeout_ns() : poll_interval_ns);
            const std::uint64_t now_ns = monotonic_ns();
            if (signal != 0) on_signal(signal, now_ns);
            const bool is_drained = sequence_.phase() == Phase::draining && engine_.continue_drain();
            if (sequence_.advance(now_ns, {is_drained, engine_.has_ended()})) begin(sequence_.phase());
        }
        return outcome_;
    }

  private:
    // What the signal leads to is announced while it is still pending: a reactor that looks finds the one or the other
    // (Server::Callbacks::is_to_stop()), and gives no answer that lacks Connection: close.
    int next_signal(std::uint64_t timeout_ns) {
        if (watch_.is_open()) wait_until_pending(watch_, std::exchange(timeout_ns, 0));
        if (is_stop_pending()) engine_.announce_drain();
        return wait_for_signal(signals_, timeout_ns);
    }

    // Until the engine wants to keep house again.
    std::uint64_t serving_timeout_ns() {
        const std::uint64_t next_ns = engine_.keep_house();
        const std::uint64_t now_ns = monotonic_ns();
        if (next_ns == 0) return serving_interval_ns;
        return next_ns <= now_ns ? 1 : std::min(next_ns - now_ns, serving_interval_ns);
    }

    void on_signal(int signal, std::uint64_t now_ns) {
        if (meaning_of(signal) == SignalMeaning::stop) {
            // The kernel repeats it for each second of CPU (setrlimit(2)): no second signal.
            if (signal == SIGXCPU && sequence_.phase() != Phase::serving) return;
            last_stop_signal_ = signal;
            sequence_.on_stop_signal(now_ns);
            return;
        }
        const bool is_reload = meaning_of(signal) == SignalMeaning::reload;
        if (is_reload && sequence_.phase() == Phase::serving && engine_.can_reload()) return engine_.reload();
        ignored_log_.line(LogLevel::warn, now_ns, "signal_ignored",
                          {{"signal", signal_name(signal)},
                           {"reason", is_reload ? "nothing that is set can be read again; restart it"
                                                : "it has no meaning to the engine"}});
    }

    void begin(Phase phase) {
        switch (phase) {
            case Phase::draining:
                log::info("draining", {{"signal", signal_name(last_stop_signal_)}});
                return engine_.begin_drain();
            case Phase::ending: return engine_.begin_end();
            case Phase::ended: return report_end();
            case Phase::at_once: return report_at_once();
            case Phase::serving: return;
        }
    }

    // `dropped` is no failure: their clients were told. `lost` is one, since a client may have been answered 2xx
    // (`queued`). What is in the journal is neither.
    void report_end() {
        const Engine::Report report = engine_.report();
        const bool is_clean = report.lost == 0 && report.is_conserved;
        log::line(is_clean ? LogLevel::info : LogLevel::error, "stopped", totals_of(report));
        outcome_ = is_clean ? RunOutcome::clean : RunOutcome::unclean;
    }

    void report_at_once() {
        const Engine::Report report = engine_.report();
        std::vector<log::Field> fields = totals_of(report);
        fields.insert(
            fields.begin(),
            {"reason",
             report.is_complete ? "second signal" : "second signal; a reactor is silent, so its samples are missing"});
        log::line(LogLevel::warn, "stopping_at_once", fields);
        outcome_ = RunOutcome::at_once;
    }

    Engine& engine_;
    const sigset_t& signals_;
    const Descriptor watch_{watch_signals(signals_)};
    StopSequence sequence_;
    log::RateLimited ignored_log_;
    int last_stop_signal_ = 0;
    RunOutcome outcome_ = RunOutcome::clean;
};

}  // namespace

RunOutcome run_until_stopped(Engine& engine, const sigset_t& signals) { return Run(engine, signals).until_stopped(); }

}  // namespace sluice
