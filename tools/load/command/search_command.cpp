#include "tools/load/command/search_command.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "tools/load/command/figure_text.hpp"
#include "tools/load/command/rate_search.hpp"
#include "tools/load/command/summary.hpp"
#include "tools/load/plan/threshold.hpp"
#include "tools/load/plan/units.hpp"
#include "tools/load/report/json.hpp"
#include "tools/load/report/output_file.hpp"
#include "tools/load/report/print_to.hpp"
#include "tools/load/run/coordinator.hpp"
#include "tools/load/run/environment.hpp"

namespace sluice::load {
namespace {

// All else stays: warm-up, duration, connections, seed.
RunPlan at_rate(const RunPlan& plan, double rate, const std::vector<Threshold>& bounds) {
    RunPlan one = plan;
    one.arrivals.rate = Stages::constant(rate, plan.warmup_s + plan.duration_s);
    one.thresholds = bounds;
    return one;
}

// Empty for a good run without bounds: a sweep needs none.
std::string verdict_on(const RunResult& result) {
    std::string verdict;
    for (const ThresholdResult& bound : result.thresholds)
        if (!bound.holds) verdict += " misses " + bound.text;
    if (!result.is_valid()) verdict += " INVALID: " + result.invalid_reasons.front();
    if (!result.failure.empty()) verdict += " FAILED: " + result.failure;
    return verdict.empty() && !result.thresholds.empty() ? " holds" : verdict;
}

// Carries out runs at one rate after the other and prints a line for each.
class Prober {
  public:
    // `table`: where the lines go; null: nowhere.
    Prober(const RunPlan& plan, std::vector<std::string> command_line, const std::atomic<bool>& stop, std::FILE* table)
        : plan_(plan), command_line_(std::move(command_line)), stop_(stop), table_(table) {
        if (table_ == nullptr) return;
        print_to(table_, "{:>10} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8}\n", "planned", "achieved", "p50", "p99",
                 "p99.9", "max", "lag p99", "errors");
    }

    // Null if the run could not begin or was interrupted: error() tells. Valid until the next call.
    [[nodiscard]] const RunResult* probe(double rate, const std::vector<Threshold>& bounds) {
        // After an error or an interrupt no run begins any more, however often the search asks.
        if (!error_.empty()) return nullptr;
        const Environment environment = environment_of(plan_.target, command_line_);
        auto result = carry_out(at_rate(plan_, rate, bounds), {}, stop_);
        if (!result) error_ = result.error().sentence;
        // What an interrupted run measured is not kept: it was shorter than the others.
        is_interrupted_ = stop_.load(std::memory_order_acquire);
        if (is_interrupted_)
            error_ =
                runs_.empty() ? "interrupted before the first run had ended" : "interrupted; the runs before it stand";
        if (!error_.empty()) return nullptr;
        result->environment = environment;
        tell(*result, rate);
        runs_.push_back(std::move(*result));
        return &runs_.back();
    }
    [[nodiscard]] const std::string& error() const { return error_; }
    // Says the error. The user who ends a search has no failed start.
    [[nodiscard]] ExitCode complain_of_error() const {
        return complain(error_, is_interrupted_ ? ExitCode::invalid : ExitCode::setup_failed);
    }
    [[nodiscard]] const std::vector<RunResult>& runs() const { return runs_; }

  private:
    void tell(const RunResult& result, double rate) const {
        if (table_ == nullptr) return;
        const Histogram& corrected = result.latencies.corrected;
        print_to(table_, "{:>10} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8}{}\n", format_rate(rate),
                 format_rate(result.achieved_rate), latency_text(corrected, 50), latency_text(corrected, 99),
                 latency_text(corrected, 99.9), latency_text(corrected, 100), latency_text(result.latencies.lag, 99),
                 format_number(result.totals.failed_share() * 100, 2) + " %", verdict_on(result));
        std::fflush(table_);
    }

    const RunPlan& plan_;
    const std::vector<std::string> command_line_;
    const std::atomic<bool>& stop_;
    std::FILE* const table_;
    std::vector<RunResult> runs_;
    std::string error_;
    bool is_interrupted_ = false;
};

// All rates are run, also behind one that misses a threshold. The verdicts come in the order of RunResult::verdict().
ExitCode sweep(const Invocation& invocation, Prober& prober) {
    bool has_failed = false, are_valid = true, do_hold = true;
    for (const double rate : invocation.search.sweep_rates) {
        const RunResult* const result = prober.probe(rate, invocation.plan.thresholds);
        if (result == nullptr) return prober.complain_of_error();
        if (invocation.outputs.is_quiet) write_complaints(*result, stderr);  // else the table's lines tell
        has_failed = has_failed || result->verdict() == Verdict::failed;
        are_valid = are_valid && result->verdict() != Verdict::invalid;
        do_hold = do_hold && result->verdict() != Verdict::missed;
    }
    if (has_failed) return ExitCode::threshold_missed;
    return !are_valid ? ExitCode::invalid : do_hold ? ExitCode::ok : ExitCode::threshold_missed;
}

// Tells whether a rate holds. A run in which the generator was late or saturated says nothing about the server. It is
// repeated; if that does not help, the rate counts as too high for the generator.
class Judge {
  public:
    Judge(const Search& search, Prober& prober) : search_(search), prober_(prober) {}

    [[nodiscard]] bool holds(double rate) {
        int misses_count = 0;
        for (int i = 0; i < tries_count_max; ++i) {
            const RunResult* const result = prober_.probe(rate, search_.slo);
            if (result == nullptr) return false;
            if (result->is_generator_limited && result->verdict() != Verdict::failed) continue;
            if (result->verdict() == Verdict::ok) return true;
            // A rate fails only if it fails twice: a short disturbance of the machine makes a run worse, never better.
            if (++misses_count < misses_count_max) continue;
            too_high_ = std::min(too_high_, rate);
            return false;
        }
        too_high_for_generator_ = std::min(too_high_for_generator_, rate);
        return false;
    }
    // The search ended at the generator's limit, not at the server's: the rate that was too high; 0 if it did not.
    // Where a rate was found and the server failed below the generator's limit, the server's limit was found.
    [[nodiscard]] double generator_limit(double rate_found) const {
        const bool was_server = rate_found != 0 && too_high_ < too_high_for_generator_;
        return too_high_for_generator_ == none || was_server ? 0 : too_high_for_generator_;
    }

  private:
    static constexpr int tries_count_max = 3, misses_count_max = 2;
    static constexpr double none = std::numeric_limits<double>::infinity();

    const Search& search_;
    Prober& prober_;
    double too_high_ = none, too_high_for_generator_ = none;  // the lowest of each
};

// Fewer requests have no 99th percentile.
constexpr double requests_of_a_probe_min = 100;

// With --quiet (`table` is null) only --json tells the rate that was found.
ExitCode find_slo(const Search& search, double duration_s, Prober& prober, std::FILE* table,
                  std::optional<double>& highest_rate) {
    Judge judge(search, prober);
    const double rate = find_highest_rate(
        {.first = search.rate_first, .max = search.rate_max, .least = requests_of_a_probe_min / duration_s},
        [&](double tried) { return judge.holds(tried); });
    if (!prober.error().empty()) return prober.complain_of_error();
    if (rate == 0) {
        print_to(table == nullptr ? stderr : table, "no rate was found that holds\n");
    } else {
        highest_rate = rate;
        if (table != nullptr)
            print_to(table, "highest rate that holds: {}{}\n", format_rate(rate),
                     rate >= search.rate_max ? " (--rate-max)" : "");
    }
    if (const double limit = judge.generator_limit(rate); limit != 0 && rate < search.rate_max) {
        print_to(stderr,
                 "INVALID: at {} the generator was late or saturated in each try, so the server may hold more.\n",
                 format_rate(limit));
        return ExitCode::invalid;
    }
    return rate == 0 ? ExitCode::threshold_missed : ExitCode::ok;
}

}  // namespace

ExitCode search(const Invocation& invocation, const std::vector<std::string>& command_line,
                const std::atomic<bool>& stop) {
    const std::string& path = invocation.outputs.json;
    std::optional<OutputFile> json;
    if (!path.empty()) {
        auto created = OutputFile::create(path);
        if (!created) return complain("cannot write " + path + ": " + created.error().message());
        json = std::move(*created);
    }
    std::FILE* const table = invocation.outputs.is_quiet ? nullptr : path == "-" ? stderr : stdout;
    Prober prober(invocation.plan, command_line, stop, table);
    std::optional<double> highest_rate;
    const ExitCode code = invocation.search.slo.empty()
                              ? sweep(invocation, prober)
                              : find_slo(invocation.search, invocation.plan.duration_s, prober, table, highest_rate);
    if (!json) return code;
    // Also after an error or an interrupt: with the runs that were complete. Without any the file stays as it was.
    if (prober.runs().empty() && code == ExitCode::setup_failed) return code;
    json->begin();
    write_curve_json(prober.runs(), highest_rate, json->stream());
    if (const auto error = json->close()) return complain("cannot write " + path + ": " + error.message());
    return code;
}

}  // namespace sluice::load
