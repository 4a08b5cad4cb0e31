#include "tools/load/run/validity.hpp"

#include "tools/load/plan/units.hpp"

namespace sluice::load {
namespace {

// A run of a few requests is all work, and no thread was saturated by it.
constexpr double cpu_judged_s_min = 0.1;

std::string percent(double share) { return format_number(share * 100, 1) + " %"; }

}  // namespace

void judge_validity(RunResult& result, const RunPlan& plan, const GeneratorState& state) {
    std::vector<std::string>& reasons = result.invalid_reasons;
    const Counts& totals = result.totals;
    if (state.was_stopped) reasons.emplace_back("The run was interrupted.");
    if (totals.responses == 0 && state.was_stopped)
        reasons.emplace_back("Nothing was measured: it ended before the first response that counts.");
    else if (totals.responses == 0) reasons.emplace_back("Not one response was complete.");
    const bool is_late = state.own_lag_p99_ns > plan.bounds.lag_p99_ns_max;
    const bool is_saturated = result.cpu_busiest > plan.bounds.cpu_max && result.duration_s >= cpu_judged_s_min;
    result.is_generator_limited = is_late || is_saturated;
    if (is_late)
        reasons.push_back("The generator was late: its own lag p99 is " + format_ns(state.own_lag_p99_ns) +
                          ", more than " + format_ns(plan.bounds.lag_p99_ns_max) + " (--max-lag).");
    if (is_saturated)
        reasons.push_back("The generator was saturated: its busiest load thread spent " + percent(result.cpu_busiest) +
                          " of the time on the CPU, more than " + percent(plan.bounds.cpu_max) +
                          " (--max-cpu); give it more --threads.");
    const double sent_share =
        totals.planned == 0 ? 1 : static_cast<double>(state.sent_in_time_count) / static_cast<double>(totals.planned);
    if (plan.is_open_loop && sent_share < plan.bounds.sent_min)
        reasons.push_back("Only " + percent(sent_share) + " of the planned requests could be sent in time, less than " +
                          percent(plan.bounds.sent_min) +
                          " (--min-sent): the server or the number of connections limits the rate.");
    if (state.clipped_count != 0)
        reasons.push_back(std::to_string(state.clipped_count) +
                          " latencies were longer than 1 h, the longest that is measured.");
    const double open_share =
        state.wanted_count == 0 ? 1 : static_cast<double>(state.opened_count) / static_cast<double>(state.wanted_count);
    if (open_share < plan.bounds.open_min)
        reasons.push_back("Only " + std::to_string(state.opened_count) + " of " + std::to_string(state.wanted_count) +
                          " connections could be opened before the start (--min-open).");
}

}  // namespace sluice::load
