#include "tools/load/command/compare_command.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>
#include <optional>
#include <vector>

#include "tools/load/command/figure_text.hpp"
#include "tools/load/command/progress.hpp"
#include "tools/load/command/summary.hpp"
#include "tools/load/plan/units.hpp"
#include "tools/load/report/comparison.hpp"
#include "tools/load/report/comparison_report.hpp"
#include "tools/load/report/output_file.hpp"
#include "tools/load/report/print_to.hpp"
#include "tools/load/run/coordinator.hpp"
#include "tools/load/run/environment.hpp"

namespace sluice::load {
namespace {

// Fixed, so that the same runs have the same intervals.
constexpr std::uint64_t bootstrap_seed = 1;

// A B C, then C B A, and so on: a drift over time affects each target equally.
std::vector<std::size_t> order_of_round(std::uint32_t round, std::size_t targets_count) {
    std::vector<std::size_t> order(targets_count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (round % 2 == 1) std::reverse(order.begin(), order.end());
    return order;
}

// A line after each run, on stderr, because standard output may be one of the reports.
void tell(const std::string& name, const RunResult& result) {
    write_if_taken(stderr, fmt::format("{}: {}, p99 {}{}{}\n", name, format_rate(result.success_rate()),
                                       latency_text(result.latencies.corrected, 99),
                                       result.is_valid() ? "" : ", INVALID", result.failure.empty() ? "" : ", FAILED"));
}

// A URL may be compared with itself, to see the noise. Then its rows are numbered.
std::string name_of(const std::vector<RunPlan>& plans, std::size_t index) {
    const auto is_named_so = [&](const RunPlan& plan) { return plan.name == plans[index].name; };
    if (std::ranges::count_if(plans, is_named_so) == 1) return plans[index].name;
    const auto before =
        std::ranges::count_if(plans.begin(), plans.begin() + static_cast<std::ptrdiff_t>(index), is_named_so);
    return plans[index].name + " #" + std::to_string(before + 1);
}

struct Rounds {
    std::vector<Contender> contenders;  // with a run of each complete round
    std::string ended_early;  // a sentence without its end; empty: all rounds were run
    ExitCode code = ExitCode::ok;
};

// A comparison that ends early loses only the round under way.
Rounds carry_out_rounds(const ComparePlan& plan, const std::vector<std::string>& command_line,
                        const std::atomic<bool>& stop) {
    Rounds rounds;
    for (std::size_t i = 0; i < plan.plans.size(); ++i)
        rounds.contenders.push_back({.name = name_of(plan.plans, i), .runs = {}});
    for (std::uint32_t round = 0; round < plan.rounds_count; ++round) {
        // Kept apart until the round is complete: all targets have equal numbers of runs.
        std::vector<RunResult> results(plan.plans.size());
        for (const std::size_t index : order_of_round(round, plan.plans.size())) {
            auto result = carry_out(plan.plans[index], {}, stop);
            // An interrupted run may have a result, but of a shorter time than the others.
            const bool is_interrupted =
                stop.load(std::memory_order_acquire) || (!result && result.error().is_interrupt);
            if (is_interrupted || !result) {
                rounds.ended_early =
                    (is_interrupted ? "interrupted" : plan.plans[index].name + ": " + result.error().sentence) +
                    ", after " + std::to_string(round) + " of " + std::to_string(plan.rounds_count) + " rounds";
                rounds.code = is_interrupted ? ExitCode::invalid : ExitCode::setup_failed;
                return rounds;
            }
            // After the run: looking through /proc takes nothing from its time.
            result->environment = environment_of(plan.plans[index].target, command_line);
            if (!plan.is_quiet) tell(rounds.contenders[index].name, *result);
            results[index] = std::move(*result);
        }
        for (std::size_t i = 0; i < results.size(); ++i) rounds.contenders[i].runs.push_back(std::move(results[i]));
    }
    return rounds;
}

using Write = void (*)(const Comparison&, std::FILE*);

// A file of the report. All are opened before the first run, so that a wrong path does not cost the runs.
struct Report {
    const std::string* path;
    Write write;
    std::optional<OutputFile> file = std::nullopt;  // none: not wanted

    // False: it cannot be created. True also if it is not wanted.
    [[nodiscard]] bool open() {
        if (path->empty()) return true;
        auto created = OutputFile::create(*path);
        if (!created) return false;
        file = std::move(*created);
        return true;
    }
    // False: it is not written whole. True also if it is not wanted.
    [[nodiscard]] bool finish(const Comparison& comparison) {
        if (!file) return true;
        file->begin();
        write(comparison, file->stream());
        return !file->close();
    }
};

}  // namespace

ExitCode compare(const ComparePlan& plan, const std::vector<std::string>& command_line, const std::atomic<bool>& stop) {
    std::array<Report, 3> reports{Report{&plan.json_path, &write_comparison_json},
                                  Report{&plan.markdown_path, &write_comparison_markdown},
                                  Report{&plan.html_path, &write_comparison_html}};
    for (Report& report : reports)
        if (!report.open()) return complain("cannot write " + *report.path);
    Rounds rounds = carry_out_rounds(plan, command_line, stop);
    // All contenders have as many runs as the first one.
    if (rounds.contenders.front().runs.empty())
        return complain(rounds.ended_early + ": there is nothing to compare", rounds.code);
    Comparison comparison = compare(std::move(rounds.contenders), bootstrap_seed);
    comparison.ended_early = rounds.ended_early;
    const bool is_stdout_taken = std::ranges::any_of(reports, [](const Report& report) { return *report.path == "-"; });
    std::FILE* const table = is_stdout_taken ? stderr : stdout;
    write_comparison_markdown(comparison, table);
    // Before the sentences on stderr: both may be the same terminal.
    std::fflush(table);
    for (Report& report : reports)
        if (!report.finish(comparison)) return complain("cannot write " + *report.path);
    for (const std::string& reason : comparison.invalid_reasons()) print_to(stderr, "INVALID: {}\n", reason);
    for (const std::string& failure : comparison.failures()) print_to(stderr, "FAILED: {}\n", failure);
    // An early end decides, whatever the complete rounds say.
    if (rounds.code != ExitCode::ok) return rounds.code;
    if (!comparison.failures().empty()) return ExitCode::threshold_missed;
    return comparison.invalid_reasons().empty() ? ExitCode::ok : ExitCode::invalid;
}

}  // namespace sluice::load
