#include "tools/load/command/search_command.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "tools/load/command/rate_search.hpp"
#include "tools/load/plan/threshold.hpp"
#include "tools/load/plan/units.hpp"
#include "tools/load/run/coordinator.hpp"

namespace sluice::load {
namespace {

RunPlan at_rate(const RunPlan& plan, double rate) {
    RunPlan one = plan;
    one.arrivals.rate = Stages::constant(rate, plan.warmup_s + plan.duration_s);
    return one;
}

// Carries out runs at one rate after the other and prints a line for each.
class Prober {
  public:
    Prober(const RunPlan& plan, const std::atomic<bool>& stop) : plan_(plan), stop_(stop) {
        fmt::print("{:>10} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8}\n", "planned", "achieved", "p50", "p99", "p99.9",
                   "max", "lag p99", "errors");
    }

    // Nothing if the run could not begin or was interrupted: error() tells.
    [[nodiscard]] std::optional<RunResult> probe(double rate, const std::vector<Threshold>& slo) {
        if (!error_.empty()) return std::nullopt;
        auto result = carry_out(at_rate(plan_, rate), {}, stop_);
        if (!result) error_ = result.error().sentence;
        if (stop_.load(std::memory_order_acquire)) error_ = "interrupted";
        if (!error_.empty()) return std::nullopt;
        std::string verdict;
        for (const Threshold& threshold : slo)
            if (!evaluate(threshold, *result).holds) verdict += " misses " + threshold.text;
        if (!result->is_valid()) verdict += " INVALID: " + result->invalid_reasons.front();
        print(*result, rate, verdict.empty() && !slo.empty() ? " holds" : verdict);
        return std::move(*result);
    }
    [[nodiscard]] const std::string& error() const { return error_; }

  private:
    static void print(const RunResult& result, double rate, const std::string& verdict) {
        const auto latency = [&](const Histogram& histogram, double percentile) {
            if (histogram->total_count == 0) return std::string("-");
            return format_ns(static_cast<std::uint64_t>(hdr_value_at_percentile(histogram.get(), percentile)));
        };
        const Histogram& corrected = result.latencies.corrected;
        fmt::print("{:>10} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8}{}\n", format_rate(rate),
                   format_rate(result.achieved_rate), latency(corrected, 50), latency(corrected, 99),
                   latency(corrected, 99.9), latency(corrected, 100), latency(result.latencies.lag, 99),
                   format_number(error_share(result.totals) * 100, 2) + " %", verdict);
        std::fflush(stdout);
    }

    const RunPlan& plan_;
    const std::atomic<bool>& stop_;
    std::string error_;
};

ExitCode complain(const std::string& sentence) {
    std::fprintf(stderr, "sluice-load: %s\n", sentence.c_str());
    return ExitCode::setup_failed;
}

ExitCode sweep(const Search& search, Prober& prober) {
    bool are_valid = true;
    for (const double rate : search.sweep_rates) {
        const auto result = prober.probe(rate, {});
        if (!result) return complain(prober.error());
        are_valid = are_valid && result->is_valid();
    }
    return are_valid ? ExitCode::ok : ExitCode::invalid;
}

// A run that is invalid does not hold: that rate was not offered.
bool does_hold(const RunResult& result, const std::vector<Threshold>& slo) {
    for (const Threshold& threshold : slo)
        if (!evaluate(threshold, result).holds) return false;
    return result.is_valid();
}

ExitCode find_slo(const Search& search, Prober& prober) {
    // A rate breaks when it breaks twice: what disturbs a machine for a moment makes runs worse, and none better.
    const auto holds = [&](double rate) {
        for (int i = 0; i < 2; ++i) {
            const auto result = prober.probe(rate, search.slo);
            if (!result) return false;
            if (does_hold(*result, search.slo)) return true;
        }
        return false;
    };
    const double rate = find_highest_rate({.first = search.rate_first, .max = search.rate_max}, holds);
    if (!prober.error().empty()) return complain(prober.error());
    if (rate == 0) {
        fmt::print("no rate was found that holds\n");
        return ExitCode::threshold_missed;
    }
    fmt::print("highest rate that holds: {}{}\n", format_rate(rate), rate >= search.rate_max ? " (--rate-max)" : "");
    return ExitCode::ok;
}

}  // namespace

ExitCode search(const Invocation& invocation, const std::atomic<bool>& stop) {
    Prober prober(invocation.plan, stop);
    return invocation.search.slo.empty() ? sweep(invocation.search, prober) : find_slo(invocation.search, prober);
}

}  // namespace sluice::load
