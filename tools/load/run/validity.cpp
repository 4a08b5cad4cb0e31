#include "tools/load/run/validity.hpp"

#include "tools/load/plan/units.hpp"

namespace sluice::load {
namespace {

std::string percent(double share) { return format_number(share * 100, 1) + " %"; }

}  // namespace

std::vector<std::string> reasons_against(const RunResult& result, const RunPlan& plan, const GeneratorState& state) {
    std::vector<std::string> reasons;
    const Counts& totals = result.totals;
    if (state.was_stopped) reasons.emplace_back("The run was interrupted.");
    if (totals.responses == 0) reasons.emplace_back("Not one response was complete.");
    if (state.own_lag_p99_ns > plan.bounds.lag_p99_ns_max)
        reasons.push_back("The generator was late: its own lag p99 is " + format_ns(state.own_lag_p99_ns) +
                          ", more than " + format_ns(plan.bounds.lag_p99_ns_max) + " (--max-lag).");
    if (result.cpu_busiest > plan.bounds.cpu_max)
        reasons.push_back("The generator was saturated: its busiest load thread spent " + percent(result.cpu_busiest) +
                          " of the time on the CPU, more than " + percent(plan.bounds.cpu_max) +
                          " (--max-cpu); give it more --threads.");
    const double sent_share =
        totals.planned == 0 ? 1 : static_cast<double>(totals.sent) / static_cast<double>(totals.planned);
    if (plan.is_open_loop && sent_share < plan.bounds.sent_min)
        reasons.push_back("Only " + percent(sent_share) + " of the planned requests could be sent, less than " +
                          percent(plan.bounds.sent_min) +
                          " (--min-sent): the server or the number of connections limits the rate.");
    const double open_share =
        state.wanted_count == 0 ? 1 : static_cast<double>(state.opened_count) / static_cast<double>(state.wanted_count);
    if (open_share < plan.bounds.open_min)
        reasons.push_back("Only " + std::to_string(state.opened_count) + " of " + std::to_string(state.wanted_count) +
                          " connections could be opened before the start (--min-open).");
    return reasons;
}

}  // namespace sluice::load
