#include "tools/load/run/coordinator.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <system_error>

#include "engine/core/clock.hpp"
#include "engine/core/thread_limit.hpp"
#include "engine/tls/client_context.hpp"
#include "tools/load/result/counts_text.hpp"
#include "tools/load/result/percentiles.hpp"
#include "tools/load/run/load_thread.hpp"
#include "tools/load/run/resolve.hpp"
#include "tools/load/run/span_totals.hpp"
#include "tools/load/run/validity.hpp"

namespace sluice::load {
namespace {

constexpr unsigned look_interval_us = 2000;
constexpr std::uint64_t start_delay_ns = 20'000'000;

// The cores that load threads are pinned to: those of the plan, else the last ones that this process may use. Servers
// usually get the first ones.
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
    std::string connect_failure;
    for (const auto& thread : threads) {
        while (thread->phase() == LoadThread::Phase::opening && !stop.load(std::memory_order_acquire))
            ::usleep(look_interval_us);
        if (thread->phase() == LoadThread::Phase::failed)
            return std::unexpected(SetupError{.sentence = thread->error()});
        if (thread->phase() == LoadThread::Phase::opening)
            return std::unexpected(SetupError{.sentence = "interrupted before the run began", .is_interrupt = true});
        state.opened_count += thread->opened_count();
        state.wanted_count += thread->wanted_count();
        if (!thread->connect_failure().empty()) connect_failure = thread->connect_failure();
    }
    if (state.opened_count == 0 && state.wanted_count != 0)
        return std::unexpected(SetupError{.sentence = "cannot connect to " + plan.target.host + " port " +
                                                      std::to_string(plan.target.port) + ": " +
                                                      (connect_failure.empty() ? "no answer" : connect_failure)});
    return state;
}

void stop_all(Threads& threads) {
    for (const auto& thread : threads) thread->stop();
    for (const auto& thread : threads) thread->join();
}

// Nothing runs where one of them cannot be made.
std::expected<Threads, SetupError> make_threads(const RunPlan& plan, const std::vector<ServerAddress>& addresses,
                                                const tls::ClientContext* tls, const OnAcknowledged& on_acknowledged) {
    const std::vector<unsigned> cores = cores_of(plan);
    Threads threads;
    try {
        for (std::uint32_t i = 0; i < plan.threads_count; ++i)
            threads.push_back(std::make_unique<LoadThread>(
                plan, addresses, tls, i, cores.empty() ? std::nullopt : std::optional(cores[i % cores.size()]),
                on_acknowledged));
    } catch (const std::system_error& error) {  // of std::thread
        stop_all(threads);
        return std::unexpected(SetupError{.sentence = no_thread_sentence(error)});
    }
    return threads;
}

// Null: http://.
std::expected<std::unique_ptr<const tls::ClientContext>, SetupError> make_tls(const RunPlan& plan) {
    if (!plan.tls) return nullptr;
    auto context = tls::ClientContext::load(*plan.tls);
    if (!context) return std::unexpected(SetupError{.sentence = context.error()});
    return std::move(*context);
}

// After the threads have ended.
void add_outcomes(const Threads& threads, TlsFigures& tls) {
    tls.before_run = make_histogram();
    for (const auto& thread : threads) {
        add_histogram(thread->recorder().handshakes_before(), tls.before_run);
        const LoadThread::TlsOutcome& outcome = thread->tls_outcome();
        if (tls.agreed.empty()) tls.agreed = outcome.agreed;
        for (const TlsFigures::Failure& failure : outcome.failures) {
            const auto same = std::ranges::find(tls.failures, failure.sentence, &TlsFigures::Failure::sentence);
            if (same == tls.failures.end()) tls.failures.push_back(failure);
            else same->count += failure.count;
        }
    }
}

void follow(Threads& threads, SpanTotals& totals, GeneratorState& state, const std::atomic<bool>& stop) {
    while (true) {
        if (stop.load(std::memory_order_acquire) && !state.was_stopped) {
            state.was_stopped = true;
            for (const auto& thread : threads) thread->stop();
            totals.begin_stop();
        }
        const bool are_finished = are_all(threads, LoadThread::Phase::finished);  // first: their last spans come before
        if (is_round_complete(threads)) {
            if (!totals.take(threads) && are_finished) return;
        }
        ::usleep(look_interval_us);
    }
}

}  // namespace

std::expected<RunResult, SetupError> carry_out(const RunPlan& plan, const std::vector<Observer*>& observers,
                                               const std::atomic<bool>& stop, const OnAcknowledged& on_acknowledged) {
    const auto addresses = resolve(plan.target);
    if (!addresses) return std::unexpected(SetupError{.sentence = addresses.error()});
    const auto tls = make_tls(plan);
    if (!tls) return std::unexpected(tls.error());
    auto made = make_threads(plan, *addresses, tls->get(), on_acknowledged);
    if (!made) return std::unexpected(made.error());
    Threads& threads = *made;
    auto state = wait_until_ready(threads, plan, stop);
    if (!state) {
        stop_all(threads);
        return std::unexpected(state.error());
    }
    RunResult result;
    result.target = plan.name;
    result.plan = describe(plan);
    result.is_open_loop = plan.is_open_loop;
    if (plan.tls) result.tls.emplace().is_verified = plan.tls->is_verified;
    SpanTotals totals(plan, observers, result);
    // Only now, because opening the connections may have taken seconds.
    result.began_at_ms = (unix_ns() + static_cast<std::int64_t>(start_delay_ns)) / 1'000'000;
    const std::uint64_t start_ns = monotonic_ns() + start_delay_ns;
    for (const auto& thread : threads) thread->start(start_ns);
    for (Observer* observer : observers) observer->on_begin(result.began_at_ms);
    follow(threads, totals, *state, stop);
    stop_all(threads);
    std::uint64_t stopped_ns = 0;
    for (const auto& thread : threads) {
        stopped_ns = std::max(stopped_ns, thread->stopped_ns());
        if (plan.is_open_loop) continue;
        state->users_count += thread->served().wanted_count;
        state->served_users_count += thread->served().connected_count;
    }
    totals.finish(stopped_ns);
    if (result.tls) add_outcomes(threads, *result.tls);
    result.totals.connects += state->opened_count;
    result.own_lag_p99_ns = totals.own_lag_p99_ns();
    state->sent_in_time_count = totals.total().sent_in_time;
    state->late_by_generator_count = totals.total().late_by_generator_count;
    state->second_half_planned_count = totals.total().second_half_planned_count;
    state->second_half_ended_count = totals.total().second_half_ended_count;
    state->clipped_count = totals.total().clipped;
    judge_validity(result, plan, *state);
    for (const Threshold& threshold : plan.thresholds) result.thresholds.push_back(evaluate(threshold, result));
    result.failure = failure_of(plan.thresholds, result);
    return result;
}

std::string describe(const RunPlan& plan) {
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
    else text += ", " + format_seconds(plan.duration_s);
    if (plan.warmup_s > 0) text += " after " + format_seconds(plan.warmup_s) + " of warm-up";
    text += ", " + counted(plan.sockets_count(), "connection");
    if (plan.requests_per_connection_max != 0)
        text += " for " + counted(plan.requests_per_connection_max, "request") + " each";
    if (plan.pipeline_depth > 1) text += ", pipeline of " + std::to_string(plan.pipeline_depth);
    text += " on " + counted(plan.threads_count, "thread");
    if (plan.tls) text += plan.tls->keeps_tickets ? ", TLS that is resumed" : ", TLS";
    if (plan.zipf_exponent == 0) return text;
    text += ", devices by zipf " + format_number(plan.zipf_exponent, 2);
    // Each of n shares has every n-th device and the same load, so the sum is flatter than zipf.
    if (!plan.ledger_path.empty()) return text + " within each connection's share";
    return text + (plan.threads_count > 1 ? " within each thread's share" : "");
}

}  // namespace sluice::load
