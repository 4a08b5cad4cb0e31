#include "tools/load/run/validity.hpp"

#include <algorithm>
#include <cmath>

#include "tools/load/plan/units.hpp"
#include "tools/load/result/counts_text.hpp"

namespace sluice::load {
namespace {

// A run of a few requests uses all of its short time without saturating a thread.
constexpr double cpu_judged_s_min = 0.1;

std::string percent(double share) { return format_number(share * 100, 1) + " %"; }

// A pause of the machine. Requests that fall due in it may be in flight at the end of a run.
constexpr double pause_s = 0.02;
constexpr double at_the_edges_count = 3;  // requests that fall due just at the middle or at the end

// How many of the responses that the plan asks for in the second half of a run may be missing by chance. With
// --arrivals poisson, also what may fall due late in it: three standard deviations.
double missing_by_chance(const RunResult& result, const RunPlan& plan, double planned_count) {
    const double in_a_pause = planned_count * std::min(1.0, pause_s / (result.duration_s / 2));
    const double by_arrivals = plan.arrivals.kind == ArrivalKind::poisson ? 3 * std::sqrt(planned_count) : 0;
    return at_the_edges_count + in_a_pause + by_arrivals;
}

bool is_rate_missed(const RunResult& result, const RunPlan& plan, const GeneratorState& state) {
    if (result.achieved_rate >= plan.bounds.rate_min * result.planned_rate) return false;
    // A run begins with nothing in flight. So over the whole run, a server that keeps up is still behind by what it
    // answers after the end. A server that fails requests is shown by its faults; the run reports them, and is valid.
    const auto planned = static_cast<double>(state.second_half_planned_count);
    const double missing = planned - static_cast<double>(state.second_half_ended_count);
    return missing > (1 - plan.bounds.rate_min) * planned + missing_by_chance(result, plan, planned);
}

// A connection that is refused repeatedly waits before the next attempt. That wait belongs to the generator.
std::string after_refusals(const Counts& totals) {
    const std::uint64_t count = totals.faults[static_cast<std::size_t>(Fault::refused)] +
                                totals.faults[static_cast<std::size_t>(Fault::unreachable)] +
                                totals.faults[static_cast<std::size_t>(Fault::tls)];
    return count == 0 ? ""
                      : " The server could not be reached " + counted(count, "time") +
                            ", and the waits between attempts count.";
}

constexpr const char* limited_by_either =
    "the generator limits the rate, or the server or the number of connections does.";

// Whoever kept most of the missing requests from being sent in time is told. Once the generator was away, requests also
// wait for the connections that are behind then.
void judge_sent(RunResult& result, const RunPlan& plan, const GeneratorState& state) {
    const std::uint64_t planned_count = result.totals.planned, in_time_count = state.sent_in_time_count;
    if (planned_count == 0) return;
    const double share = static_cast<double>(in_time_count) / static_cast<double>(planned_count);
    if (share >= plan.bounds.sent_min) return;
    const std::string bound = " in time, less than " + percent(plan.bounds.sent_min) + " (--min-sent): ";
    const std::string begin = "Only " + percent(share) + " of the planned requests ";
    const std::uint64_t missing_count = planned_count - std::min(planned_count, in_time_count);
    const bool is_generators = 2 * state.late_by_generator_count > missing_count;
    const bool is_either = result.is_generator_limited || state.late_by_generator_count != 0;
    result.is_generator_limited = result.is_generator_limited || is_generators;
    if (is_generators)
        result.invalid_reasons.push_back(begin + "were sent" + bound +
                                         "the generator was late, and connections were free.");
    else
        result.invalid_reasons.push_back(
            begin + "could be sent" + bound +
            (is_either ? limited_by_either : "the server or the number of connections limits the rate."));
}

void judge_offer(RunResult& result, const RunPlan& plan, const GeneratorState& state) {
    judge_sent(result, plan, state);
    if (!is_rate_missed(result, plan, state)) return;
    result.invalid_reasons.push_back(
        "Only " + percent(result.achieved_rate / result.planned_rate) +
        " of the planned rate was achieved, less than " + percent(plan.bounds.rate_min) + " (--min-rate): " +
        (result.is_generator_limited
             ? limited_by_either
             : "the server or the number of connections limits it, or answers take longer than half the run."));
}

void judge_connections(RunResult& result, const RunPlan& plan, const GeneratorState& state) {
    const auto share = [](std::uint32_t count, std::uint32_t of) {
        return of == 0 ? 1 : static_cast<double>(count) / static_cast<double>(of);
    };
    if (share(state.opened_count, state.wanted_count) < plan.bounds.open_min)
        result.invalid_reasons.push_back("Only " + std::to_string(state.opened_count) + " of " +
                                         std::to_string(state.wanted_count) +
                                         " connections could be opened before the start (--min-open).");
    if (share(state.served_users_count, state.users_count) < plan.bounds.open_min)
        result.invalid_reasons.push_back("Only " + std::to_string(state.served_users_count) + " of " +
                                         std::to_string(state.users_count) +
                                         " users who came ever had a connection (--min-open).");
}

}  // namespace

void judge_validity(RunResult& result, const RunPlan& plan, const GeneratorState& state) {
    std::vector<std::string>& reasons = result.invalid_reasons;
    const Counts& totals = result.totals;
    if (state.was_stopped) reasons.emplace_back("The run was interrupted.");
    if (totals.responses == 0 && state.was_stopped)
        reasons.emplace_back("Nothing was measured: it ended before the first response that counts.");
    else if (totals.responses == 0) reasons.emplace_back("Not one response was complete.");
    const bool is_late = result.own_lag_p99_ns > plan.bounds.lag_p99_ns_max;
    const bool is_saturated = result.cpu_busiest > plan.bounds.cpu_max && result.duration_s >= cpu_judged_s_min;
    result.is_generator_limited = is_late || is_saturated;
    if (is_late)
        reasons.push_back("The generator was late: its own lag p99 is " + format_ns(result.own_lag_p99_ns) +
                          ", more than " + format_ns(plan.bounds.lag_p99_ns_max) + " (--max-lag)." +
                          after_refusals(totals));
    if (is_saturated)
        reasons.push_back("The generator was saturated: its busiest load thread spent " + percent(result.cpu_busiest) +
                          " of the time on the CPU, more than " + percent(plan.bounds.cpu_max) +
                          " (--max-cpu); give it more --threads.");
    if (plan.is_open_loop) judge_offer(result, plan, state);
    if (state.clipped_count != 0)
        reasons.push_back(counted(state.clipped_count, "latency was", "latencies were") +
                          " longer than 1 h, the longest that is measured.");
    judge_connections(result, plan, state);
}

}  // namespace sluice::load
