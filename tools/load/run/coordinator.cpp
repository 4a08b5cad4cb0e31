#include "tools/load/run/coordinator.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "engine/core/clock.hpp"
#include "tools/load/run/load_thread.hpp"
#include "tools/load/run/resolve.hpp"
#include "tools/load/run/validity.hpp"

namespace sluice::load {
namespace {

constexpr unsigned look_interval_us = 2000;
constexpr std::uint64_t start_delay_ns = 20'000'000;

// The last span begins where the schedule ends. Threads that have nothing more to wait for end it at once.
constexpr std::uint64_t phantom_span_ns_max = 100'000'000;

using Threads = std::vector<std::unique_ptr<LoadThread>>;

// The cores that load threads are pinned to: those of the plan, else the last that this process may use, since servers
// are commonly given the first.
std::vector<unsigned> cores_of(const RunPlan& plan) {
    if (!plan.cores.empty()) return plan.cores;
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    std::vector<unsigned> cores;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return cores;
    for (unsigned core = CPU_SETSIZE; core-- > 0 && cores.size() < plan.threads_count;)
        if (CPU_ISSET(core, &allowed)) cores.push_back(core);
    return cores;
}

// Adds up the spans of all threads, second by second.
class Tally {
  public:
    Tally(const RunPlan& plan, const std::vector<Observer*>& observers, RunResult& result)
        : plan_(plan), observers_(observers), result_(result) {
        result_.latencies = {make_histogram(), make_histogram(), make_histogram()};
    }

    // True if any thread had a span.
    bool take(Threads& threads) {
        // A thread whose spans had to be merged is ahead of the others: their warm-up comes first.
        const bool takes_warmup = std::any_of(threads.begin(), threads.end(), [&](const auto& thread) {
            const Span* span = thread->recorder().published();
            return span != nullptr && is_warmup(*span);
        });
        bool has_taken = false;
        cpu_ns_.resize(threads.size());
        for (std::size_t i = 0; i < threads.size(); ++i) {
            Span* span = threads[i]->recorder().published();
            if (span == nullptr || is_warmup(*span) != takes_warmup) continue;
            if (!has_taken) interval_.begin_ns = span->begin_ns;
            interval_.end_ns = std::max(has_taken ? interval_.end_ns : 0, span->end_ns);
            has_taken = true;
            if (!takes_warmup) cpu_ns_[i] += span->cpu_ns;
            interval_.add(*span);
            threads[i]->recorder().release();
        }
        if (has_taken) conclude();
        return has_taken;
    }

    // No time is left to tell of from here on.
    void note_stop() {
        is_stopping_ = true;
        for (Observer* observer : observers_) observer->on_stopping();
    }

    [[nodiscard]] std::uint64_t own_lag_p99_ns() const {
        return static_cast<std::uint64_t>(hdr_value_at_percentile(own_lag_.get(), 99));
    }

    [[nodiscard]] const Span& total() const { return total_; }

    // `stopped_ns`: when an interrupted run ended, since its start; what came later it only waited for. 0: it was not
    // interrupted.
    void finish(std::uint64_t stopped_ns) {
        const std::uint64_t end_ns = stopped_ns != 0 ? stopped_ns : last_end_ns_;
        const double elapsed_s = std::max(static_cast<double>(end_ns) / 1e9 - plan_.warmup_s, 1e-9);
        const bool is_by_count = plan_.requests_count_max != 0;
        result_.warmup_s = plan_.warmup_s;
        result_.duration_s = elapsed_s < plan_.duration_s || is_by_count ? elapsed_s : plan_.duration_s;
        // To the last of N requests, too, belongs the time until the next would be due: one request is no rate of
        // thousands.
        const bool is_whole = is_by_count && plan_.is_open_loop && stopped_ns == 0;
        const double schedule_s =
            is_whole ? static_cast<double>(plan_.requests_count_max) / plan_.arrivals.rate.level_max() : 0;
        result_.achieved_rate = static_cast<double>(total_.timely_responses) / std::max(result_.duration_s, schedule_s);
        if (plan_.is_open_loop)
            result_.planned_rate = is_by_count ? plan_.arrivals.rate.level_max()
                                               : static_cast<double>(result_.totals.planned) / result_.duration_s;
        for (const std::uint64_t cpu_ns : cpu_ns_)
            result_.cpu_busiest = std::max(result_.cpu_busiest, static_cast<double>(cpu_ns) / 1e9 / result_.duration_s);
        result_.cpu_busiest = std::min(result_.cpu_busiest, 1.0);
    }

  private:
    [[nodiscard]] bool is_warmup(const Span& span) const {
        return static_cast<double>(span.end_ns) / 1e9 <= plan_.warmup_s + 1e-6;
    }

    // A moment in which nothing happened: as a row of zeros it would look like a second without an answer.
    [[nodiscard]] static bool is_phantom(const Span& span) {
        const Counts& counts = span.counts;
        return span.end_ns - span.begin_ns < phantom_span_ns_max && counts.planned + counts.sent + counts.responses +
                                                                            counts.failed() + counts.connects +
                                                                            counts.sent_bytes + counts.received_bytes ==
                                                                        0;
    }

    void conclude() {
        const bool warmup = is_warmup(interval_);
        if (!warmup) {
            total_.add(interval_);
            result_.totals = total_.counts;
            hdr_add(result_.latencies.corrected.get(), interval_.latencies.corrected.get());
            hdr_add(result_.latencies.uncorrected.get(), interval_.latencies.uncorrected.get());
            hdr_add(result_.latencies.lag.get(), interval_.latencies.lag.get());
            hdr_add(own_lag_.get(), interval_.own_lag.get());
        }
        last_end_ns_ = interval_.end_ns;
        if (!is_phantom(interval_)) {
            result_.seconds.push_back(second_of(warmup));
            tell(warmup);
        }
        interval_.clear();
        interval_.open_connections = 0;
    }

    [[nodiscard]] Second second_of(bool warmup) const {
        const auto percentile = [](const Histogram& histogram, double value) {
            return static_cast<std::uint64_t>(
                histogram->total_count == 0 ? 0 : hdr_value_at_percentile(histogram.get(), value));
        };
        const Histogram& corrected = interval_.latencies.corrected;
        return {.begin_s = static_cast<double>(interval_.begin_ns) / 1e9,
                .end_s = static_cast<double>(interval_.end_ns) / 1e9,
                .is_warmup = warmup,
                .planned = interval_.counts.planned,
                .sent = interval_.counts.sent,
                .responses = interval_.counts.responses,
                .failed = interval_.counts.failed(),
                .p50_ns = percentile(corrected, 50),
                .p90_ns = percentile(corrected, 90),
                .p99_ns = percentile(corrected, 99),
                .p999_ns = percentile(corrected, 99.9),
                .max_ns = percentile(corrected, 100),
                .uncorrected_p99_ns = percentile(interval_.latencies.uncorrected, 99),
                .lag_p99_ns = percentile(interval_.latencies.lag, 99),
                .open_connections = interval_.open_connections};
    }

    void tell(bool warmup) {
        Interval interval;
        interval.begin_s = static_cast<double>(interval_.begin_ns) / 1e9;
        interval.end_s = static_cast<double>(interval_.end_ns) / 1e9;
        interval.is_warmup = warmup;
        interval.open_connections = interval_.open_connections;
        interval.counts = interval_.counts;
        interval.latencies = &interval_.latencies;
        if (is_stopping_) interval.left_s = 0;
        else if (plan_.requests_count_max == 0)
            interval.left_s = std::max(0.0, plan_.warmup_s + plan_.duration_s - interval.end_s);
        for (Observer* observer : observers_) observer->on_interval(interval);
    }

    const RunPlan& plan_;
    const std::vector<Observer*>& observers_;
    RunResult& result_;
    Span interval_, total_;
    Histogram own_lag_ = make_histogram();
    std::vector<std::uint64_t> cpu_ns_;  // of each thread, while measured
    std::uint64_t last_end_ns_ = 0;
    bool is_stopping_ = false;
};

bool are_all(const Threads& threads, LoadThread::Phase phase) {
    return std::all_of(threads.begin(), threads.end(), [&](const auto& thread) { return thread->phase() == phase; });
}

// Every thread that still runs has a span to give.
bool is_round_complete(const Threads& threads) {
    return std::all_of(threads.begin(), threads.end(), [](const auto& thread) {
        const bool is_finished = thread->phase() == LoadThread::Phase::finished;  // first: its last span comes before
        return thread->recorder().published() != nullptr || is_finished;
    });
}

std::expected<GeneratorState, SetupError> wait_until_ready(const Threads& threads, const RunPlan& plan,
                                                           const std::atomic<bool>& stop) {
    GeneratorState state;
    int connect_error = 0;
    for (const auto& thread : threads) {
        while (thread->phase() == LoadThread::Phase::opening && !stop.load(std::memory_order_acquire))
            ::usleep(look_interval_us);
        if (thread->phase() == LoadThread::Phase::failed) return std::unexpected(SetupError{thread->error()});
        if (thread->phase() == LoadThread::Phase::opening)
            return std::unexpected(SetupError{"interrupted before the run began"});
        state.opened_count += thread->opened_count();
        state.wanted_count += thread->wanted_count();
        if (thread->connect_error() != 0) connect_error = thread->connect_error();
    }
    if (state.opened_count == 0 && state.wanted_count != 0)
        return std::unexpected(SetupError{"cannot connect to " + plan.target.host + " port " +
                                          std::to_string(plan.target.port) + ": " +
                                          (connect_error != 0 ? std::strerror(connect_error) : "no answer")});
    return state;
}

void stop_all(Threads& threads) {
    for (const auto& thread : threads) thread->stop();
    for (const auto& thread : threads) thread->join();
}

void follow(Threads& threads, Tally& tally, GeneratorState& state, const std::atomic<bool>& stop) {
    while (true) {
        if (stop.load(std::memory_order_acquire) && !state.was_stopped) {
            state.was_stopped = true;
            for (const auto& thread : threads) thread->stop();
            tally.note_stop();
        }
        const bool are_finished = are_all(threads, LoadThread::Phase::finished);  // first: their last spans come before
        if (is_round_complete(threads)) {
            if (!tally.take(threads) && are_finished) return;
        }
        ::usleep(look_interval_us);
    }
}

}  // namespace

std::expected<RunResult, SetupError> carry_out(const RunPlan& plan, const std::vector<Observer*>& observers,
                                               const std::atomic<bool>& stop, const OnAcknowledged& on_acknowledged) {
    const auto addresses = resolve(plan.target);
    if (!addresses) return std::unexpected(SetupError{addresses.error()});
    const std::vector<unsigned> cores = cores_of(plan);
    Threads threads;
    for (std::uint32_t i = 0; i < plan.threads_count; ++i)
        threads.push_back(std::make_unique<LoadThread>(
            plan, *addresses, i, cores.empty() ? std::nullopt : std::optional(cores[i % cores.size()]),
            on_acknowledged));
    auto state = wait_until_ready(threads, plan, stop);
    if (!state) {
        stop_all(threads);
        return std::unexpected(state.error());
    }
    RunResult result;
    result.target = plan.name;
    result.plan = describe(plan);
    result.is_open_loop = plan.is_open_loop;
    Tally tally(plan, observers, result);
    // Not before: opening the connections may have taken seconds.
    result.began_at_ms = (unix_ns() + static_cast<std::int64_t>(start_delay_ns)) / 1'000'000;
    const std::uint64_t start_ns = monotonic_ns() + start_delay_ns;
    for (const auto& thread : threads) thread->start(start_ns);
    for (Observer* observer : observers) observer->on_begin(result.began_at_ms);
    follow(threads, tally, *state, stop);
    stop_all(threads);
    std::uint64_t stopped_ns = 0;
    for (const auto& thread : threads) {
        stopped_ns = std::max(stopped_ns, thread->stopped_ns());
        if (plan.is_open_loop) continue;
        state->users_count += thread->served().wanted_count;
        state->served_users_count += thread->served().connected_count;
    }
    tally.finish(stopped_ns);
    result.totals.connects += state->opened_count;
    result.own_lag_p99_ns = tally.own_lag_p99_ns();
    state->sent_in_time_count = tally.total().sent_in_time;
    state->second_half_planned = tally.total().second_half_planned;
    state->second_half_ended = tally.total().second_half_ended;
    state->clipped_count = tally.total().clipped;
    judge_validity(result, plan, *state);
    for (const Threshold& threshold : plan.thresholds) result.thresholds.push_back(evaluate(threshold, result));
    return result;
}

std::string describe(const RunPlan& plan) {
    const auto counted = [](std::uint64_t count, std::string_view noun) {
        return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
    };
    std::string text;
    if (plan.is_open_loop) {
        const Stages& rate = plan.arrivals.rate;
        text = "open loop, ";
        text += rate.level_max() == rate.first_level() ? format_rate(rate.first_level())
                                                       : "stages up to " + format_rate(rate.level_max());
        text += plan.arrivals.kind == ArrivalKind::poisson ? " poisson" : " constant";
    } else {
        text = "closed loop, ";
        text += plan.users.level_max() == plan.users.first_level() ? "" : "stages up to ";
        text += counted(plan.sockets_count(), "user");
        if (plan.think.high_ns != 0) {
            text += " who think " + format_ns(plan.think.low_ns);
            if (plan.think.high_ns != plan.think.low_ns) text += " to " + format_ns(plan.think.high_ns);
        }
    }
    if (plan.requests_count_max != 0) text += ", " + counted(plan.requests_count_max, "request");
    else text += ", " + format_number(plan.duration_s, 1) + " s";
    if (plan.warmup_s > 0) text += " after " + format_number(plan.warmup_s, 1) + " s of warm-up";
    text += ", " + counted(plan.sockets_count(), "connection");
    if (plan.pipeline_depth > 1) text += ", pipeline of " + std::to_string(plan.pipeline_depth);
    text += " on " + counted(plan.threads_count, "thread");
    if (plan.zipf_exponent == 0) return text;
    text += ", devices by zipf " + format_number(plan.zipf_exponent, 2);
    // Of n shares each has every n-th device and as much of the load as the others, so the whole is flatter than zipf.
    if (!plan.ledger_path.empty()) return text + " within each connection's share";
    return text + (plan.threads_count > 1 ? " within each thread's share" : "");
}

}  // namespace sluice::load
