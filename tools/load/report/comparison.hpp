// Several targets under the same load: the figures of each run, and the ratio of each target to the first one. Values
// and pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/load/report/bootstrap.hpp"
#include "tools/load/report/quantity.hpp"
#include "tools/load/result/results.hpp"

namespace sluice::load {

struct Contender {
    std::string name;
    std::vector<RunResult> runs;  // in the order in which they ran; interleaved with the others'

    // Most requests of one of its runs failed (Verdict::failed).
    [[nodiscard]] bool has_failed() const;
};

// A figure of a run that contenders are compared by.
struct ComparedFigure {
    std::string_view key;   // in JSON: p99_ns
    std::string_view name;  // for people
    bool is_less_better;
    bool is_latency;
    double (*of)(const RunResult&);
    std::string (*text)(double);
};

// Successes a second, p50, p99 and p99.9 (corrected), share of failed requests. NaN: a run without an answer has no
// latency.
inline constexpr std::size_t compared_figures_count = 5;
inline constexpr std::size_t rate_figure_index = 0, p99_figure_index = 2, failed_figure_index = 4;
[[nodiscard]] const std::array<ComparedFigure, compared_figures_count>& compared_figures();

struct FigureOfContender {
    std::vector<double> values;  // one for each run
    double median = 0;
    Estimate ratio_to_first;  // 1, 1, 1 for the first itself; NaN for latencies where either of the two has failed
};

struct Comparison {
    std::vector<Contender> contenders;
    std::vector<std::array<FigureOfContender, compared_figures_count>> figures;  // by contender
    std::uint64_t seed = 0;  // of the bootstrap
    std::string ended_early;  // a sentence that says why there are fewer rounds than planned; empty: there are not

    // Of each contender, at least: what the intervals rest on.
    [[nodiscard]] std::size_t runs_count() const;
    // More, or fewer, of its requests failed than of the first one's, and not by chance. To refuse is the shorter way:
    // no other figure of the one that fails more is better.
    [[nodiscard]] bool fails_more(std::size_t contender) const;
    [[nodiscard]] bool fails_less(std::size_t contender) const;
    // A latency of a contender that has failed: that of refusals mostly, with which nothing is compared.
    [[nodiscard]] bool is_of_failures(std::size_t contender, std::size_t figure_index) const;
    // Of all contenders' runs: "A, run 2: The lag's p99 …". A comparison with invalid runs is not to be trusted.
    [[nodiscard]] std::vector<std::string> invalid_reasons() const;
    // Likewise of the runs that failed: "A, run 2: 20 of 20 requests failed …".
    [[nodiscard]] std::vector<std::string> failures() const;
};

[[nodiscard]] Comparison compare(std::vector<Contender> contenders, std::uint64_t seed);

// All runs of a contender as one: the sum of their corrected latencies.
[[nodiscard]] Histogram corrected_of_all(const Contender& contender);

}  // namespace sluice::load
