#include "tools/load/report/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "tools/load/result/percentiles.hpp"

namespace sluice::load {
namespace {

double corrected(const RunResult& run, double percentile) {
    if (count_of(run.latencies.corrected) == 0) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(value_at_ns(run.latencies.corrected, percentile));
}

}  // namespace

const std::array<ComparedFigure, compared_figures_count>& compared_figures() {
    static constexpr std::array<ComparedFigure, compared_figures_count> figures{{
        {"rate", "Successes", false, false, [](const RunResult& run) { return run.success_rate(); },
         [](double value) { return text_of_count(value) + "/s"; }},
        {"p50_ns", "Latency p50", true, true, [](const RunResult& run) { return corrected(run, 50); }, text_of_ns},
        {"p99_ns", "Latency p99", true, true, [](const RunResult& run) { return corrected(run, 99); }, text_of_ns},
        {"p99.9_ns", "Latency p99.9", true, true, [](const RunResult& run) { return corrected(run, 99.9); },
         text_of_ns},
        {"failed_share", "Failed", true, false, [](const RunResult& run) { return run.totals.failed_share(); },
         text_of_share},
    }};
    return figures;
}

std::size_t Comparison::runs_count() const {
    std::size_t count = contenders.empty() ? 0 : contenders.front().runs.size();
    for (const Contender& contender : contenders) count = std::min(count, contender.runs.size());
    return count;
}

bool Contender::has_failed() const {
    return std::ranges::any_of(runs, [](const RunResult& run) { return !run.failure.empty(); });
}

bool Comparison::is_of_failures(std::size_t contender, std::size_t figure_index) const {
    return compared_figures()[figure_index].is_latency && contenders[contender].has_failed();
}

bool Comparison::fails_more(std::size_t contender) const {
    const Estimate& ratio = figures[contender][failed_figure_index].ratio_to_first;
    return ratio.value > 1 && ratio.excludes(1);
}

bool Comparison::fails_less(std::size_t contender) const {
    const Estimate& ratio = figures[contender][failed_figure_index].ratio_to_first;
    return ratio.value < 1 && ratio.excludes(1);
}

std::vector<std::string> Comparison::invalid_reasons() const {
    std::vector<std::string> reasons;
    for (const Contender& contender : contenders) {
        for (std::size_t i = 0; i < contender.runs.size(); ++i) {
            for (const std::string& reason : contender.runs[i].invalid_reasons) {
                reasons.push_back(fmt::format("{}, run {}: {}", contender.name, i + 1, reason));
            }
        }
    }
    return reasons;
}

std::vector<std::string> Comparison::failures() const {
    std::vector<std::string> failures;
    for (const Contender& contender : contenders)
        for (std::size_t i = 0; i < contender.runs.size(); ++i)
            if (const std::string& failure = contender.runs[i].failure; !failure.empty())
                failures.push_back(fmt::format("{}, run {}: {}", contender.name, i + 1, failure));
    return failures;
}

Comparison compare(std::vector<Contender> contenders, std::uint64_t seed) {
    Comparison comparison{.contenders = std::move(contenders), .figures = {}, .seed = seed, .ended_early = {}};
    const auto& figures = compared_figures();
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    for (const Contender& contender : comparison.contenders) {
        auto& of_contender = comparison.figures.emplace_back();
        for (std::size_t i = 0; i < figures.size(); ++i) {
            FigureOfContender& figure = of_contender[i];
            for (const RunResult& run : contender.runs) figure.values.push_back(figures[i].of(run));
            figure.median = median(figure.values);
            const bool is_first = comparison.figures.size() == 1;
            const bool is_without_ratio =
                figures[i].is_latency && (contender.has_failed() || comparison.contenders.front().has_failed());
            if (is_first) figure.ratio_to_first = {.value = 1, .low = 1, .high = 1};
            else if (is_without_ratio) figure.ratio_to_first = {.value = none, .low = none, .high = none};
            else figure.ratio_to_first = ratio_of_medians(figure.values, comparison.figures.front()[i].values, seed);
        }
    }
    return comparison;
}

Histogram corrected_of_all(const Contender& contender) {
    Histogram sum = make_histogram();
    for (const RunResult& run : contender.runs) {
        if (run.latencies.corrected) ::hdr_add(sum.get(), run.latencies.corrected.get());
    }
    return sum;
}

}  // namespace sluice::load
