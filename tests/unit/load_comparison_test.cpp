// The bootstrap, and comparisons of runs.
// runs: release long: asan
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/load_sample.hpp"
#include "tests/support/seed.hpp"
#include "tools/load/report/comparison.hpp"
#include "tools/load/report/comparison_report.hpp"

namespace sluice::load {
namespace {

TEST(LoadBootstrap, Median) {
    EXPECT_EQ(median(std::vector<double>{3, 1, 2}), 2);
    EXPECT_EQ(median(std::vector<double>{4, 1, 3, 2}), 2.5);
    EXPECT_TRUE(std::isnan(median({})));
}

TEST(LoadBootstrap, FewRunsSayNothing) {
    const std::vector<double> three{1, 2, 3};
    const Estimate estimate = ratio_of_medians(three, three, 1);
    EXPECT_EQ(estimate.value, 1);
    EXPECT_FALSE(estimate.is_known());
    EXPECT_TRUE(std::isinf(estimate.low) && std::isinf(estimate.high));
    EXPECT_FALSE(estimate.excludes(1000));
}

TEST(LoadBootstrap, NoRatioToNothing) {
    const std::vector<double> none{0, 0, 0, 0};
    const std::vector<double> some{1, 2, 3, 4};
    EXPECT_EQ(ratio_of_medians(none, some, 1).value, 0);
    EXPECT_TRUE(std::isnan(ratio_of_medians({}, some, 1).value));
    EXPECT_TRUE(std::isnan(ratio_of_medians(none, none, 1).value));
    EXPECT_TRUE(std::isnan(ratio_of_medians(std::vector{1.0, std::nan(""), 2.0}, some, 1).value)) << "one run has none";
}

TEST(LoadBootstrap, WithoutFailuresInTheReferenceTheRatioHasNoUpperBound) {
    const std::vector<double> some{0.09, 0.09, 0.09, 0.09};
    const Estimate seldom = ratio_of_medians(some, std::vector{0.0, 0.1, 0.1, 0.1}, 1);
    EXPECT_DOUBLE_EQ(seldom.value, 0.9);
    EXPECT_TRUE(std::isinf(seldom.high)) << seldom.high;
    EXPECT_FALSE(seldom.excludes(1));
    const Estimate both = ratio_of_medians(std::vector{0.0, 0.1, 0.1, 0.1}, std::vector{0.0, 0.1, 0.1, 0.1}, 1);
    EXPECT_EQ(both.low, 0) << "0 / 0 may be any ratio";
    EXPECT_TRUE(std::isinf(both.high));
    const Estimate never = ratio_of_medians(some, std::vector<double>(4), 1);
    EXPECT_TRUE(std::isinf(never.value) && std::isinf(never.low) && never.is_known());
    EXPECT_TRUE(never.excludes(1)) << "it fails each time, and the reference not once";
}

// Of two targets that are alike, 1 comparison of 20 at most may say that they differ.
TEST(LoadBootstrap, AlikeTargetsSeldomDiffer) {
    for (const std::size_t runs_count : {std::size_t{4}, std::size_t{6}}) {
        std::mt19937_64 random(runs_count);  // the same draws each time: a share of few trials is itself chance
        std::lognormal_distribution<double> noise(0, 0.1);
        constexpr int trials_count = 400;
        int differ_count = 0;
        for (int i = 0; i < trials_count; ++i) {
            std::vector<double> a(runs_count), b(runs_count);
            for (double& value : a) value = noise(random);
            for (double& value : b) value = noise(random);
            if (ratio_of_medians(a, b, 1).excludes(1)) ++differ_count;
        }
        EXPECT_LE(differ_count, trials_count / 20) << runs_count;
    }
}

TEST(LoadBootstrap, FourRunsAreEnoughForWhatIsPlain) {
    const std::vector<double> slow{10, 10.5, 11, 12};
    const std::vector<double> fast{5, 5.5, 5.2, 6};
    EXPECT_TRUE(ratio_of_medians(slow, fast, 1).excludes(1));
}

TEST(LoadBootstrap, TheSameSeedGivesTheSameInterval) {
    const std::vector<double> a{10, 11, 12, 13, 15};
    const std::vector<double> b{5, 5.5, 5.2, 6};
    const Estimate one = ratio_of_medians(a, b, 7);
    const Estimate other = ratio_of_medians(a, b, 7);
    EXPECT_EQ(one.low, other.low);
    EXPECT_EQ(one.high, other.high);
    EXPECT_TRUE(one.excludes(1));
    EXPECT_TRUE(one.low <= one.value && one.value <= one.high);
}

// 19 of 20 intervals should hold the truth; of so few runs somewhat less do. An interval that is far too narrow or
// about something else fails.
TEST(LoadBootstrap, IntervalsHoldTheTruth) {
    const std::uint64_t seed = tests::test_seed();
    SCOPED_TRACE(tests::seed_trace(seed));
    std::mt19937_64 random(seed);
    std::lognormal_distribution<double> noise(0, 0.2);
    constexpr double truth = 1.5;
    constexpr int experiments_count = 60;
    int held = 0;
    for (int i = 0; i < experiments_count; ++i) {
        std::vector<double> a(9);
        std::vector<double> b(9);
        for (double& value : a) value = truth * noise(random);
        for (double& value : b) value = noise(random);
        if (!ratio_of_medians(a, b, seed).excludes(truth)) ++held;
    }
    EXPECT_GE(held, experiments_count * 8 / 10);
}

// Each of `runs_count` runs: answers of `latency_ns`, of which the first is a success and the others are not, or all
// are.
Contender contender_of(const std::string& name, bool refuses, std::int64_t latency_ns, std::size_t runs_count = 4) {
    Contender contender{.name = name, .runs = {}};
    for (std::size_t i = 0; i < runs_count; ++i) {
        RunResult& run = contender.runs.emplace_back();
        run.latencies.corrected = make_histogram();
        constexpr std::uint64_t answers_count = 100;
        for (std::uint64_t answer = 0; answer < answers_count; ++answer)
            ::hdr_record_value(run.latencies.corrected.get(), latency_ns);
        run.totals.responses = answers_count;
        run.totals.succeeded = refuses ? 1 : answers_count;
        run.totals.faults[static_cast<std::size_t>(Fault::bad_status)] = answers_count - run.totals.succeeded;
        run.achieved_rate = 100;
        run.duration_s = 1;
    }
    return contender;
}

std::string written(void (*write)(const Comparison&, std::FILE*), const Comparison& comparison) {
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* stream = ::open_memstream(&text, &size);
    write(comparison, stream);
    std::fclose(stream);
    const std::unique_ptr<char, decltype(&std::free)> owner(text, &std::free);
    return {text, size};
}

Comparison comparison_of(Contender first, Contender second) {
    std::vector<Contender> contenders;
    contenders.push_back(std::move(first));
    contenders.push_back(std::move(second));
    return compare(std::move(contenders), 1);
}

TEST(LoadComparison, ToRefuseIsNoWayToBeBetter) {
    const Comparison comparison = comparison_of(contender_of("A", false, 1'000'000), contender_of("B", true, 10'000));
    EXPECT_DOUBLE_EQ(comparison.figures[1][rate_figure_index].ratio_to_first.value, 0.01) << "a rate is of successes";
    EXPECT_TRUE(comparison.fails_more(1));
    const std::string html = written(write_comparison_html, comparison);
    EXPECT_FALSE(html.contains("class=\"good\"")) << "its latency is that of refusals";
    EXPECT_TRUE(html.contains("99 %<br><small class=\"bad\">∞ ×<br>unbounded</small>")) << html;
    const std::string markdown = written(write_comparison_markdown, comparison);
    EXPECT_TRUE(markdown.contains("B failed more often than the first")) << markdown;
    EXPECT_TRUE(markdown.contains("| 99 %, ∞ × (unbounded) |")) << markdown;
}

TEST(LoadComparison, ToBeComparedWithWhatRefusesIsNoWayToBeWorse) {
    const Comparison comparison = comparison_of(contender_of("A", true, 10'000), contender_of("B", false, 1'000'000));
    EXPECT_TRUE(comparison.fails_less(1));
    const std::string html = written(write_comparison_html, comparison);
    EXPECT_FALSE(html.contains("class=\"bad\"")) << html;
    EXPECT_TRUE(html.contains("class=\"good\"")) << "more successes, and fewer failures";
    EXPECT_TRUE(html.contains("The first failed more often than B"));
}

TEST(LoadComparison, WithoutFailuresTheFasterIsBetter) {
    const Comparison comparison = comparison_of(contender_of("A", false, 1'000'000), contender_of("B", false, 10'000));
    EXPECT_TRUE(written(write_comparison_html, comparison).contains("class=\"good\""));
}

TEST(LoadComparison, ALatencyOfFailuresIsComparedWithNothing) {
    for (const bool is_first : {false, true}) {
        Contender good = contender_of("A", false, 1'000'000), failing = contender_of("B", true, 950'000);
        failing.runs[2].failure = "99 of 100 requests failed.";
        if (is_first) std::swap(good, failing);
        const Comparison comparison = comparison_of(std::move(good), std::move(failing));
        EXPECT_TRUE(std::isnan(comparison.figures[1][p99_figure_index].ratio_to_first.value));
        EXPECT_FALSE(std::isnan(comparison.figures[1][rate_figure_index].ratio_to_first.value));
        const std::string markdown = written(write_comparison_markdown, comparison);
        EXPECT_TRUE(markdown.contains("| 950 µs (of failures) |")) << markdown;
        EXPECT_TRUE(markdown.contains("| 1 ms |")) << markdown;
        EXPECT_TRUE(markdown.contains("a target with a run that FAILED")) << markdown;
        const std::string html = written(write_comparison_html, comparison);
        EXPECT_TRUE(html.contains("950 µs<br><small>of failures</small>")) << html;
        EXPECT_TRUE(written(write_comparison_json, comparison).contains("\"ratio\": null"));
    }
}

TEST(LoadComparison, OneRunIsNoPlural) {
    const Comparison comparison = comparison_of(contender_of("A", false, 1000, 1), contender_of("B", false, 1000, 1));
    EXPECT_TRUE(written(write_comparison_markdown, comparison).contains("Medians of 1 run of each;"));
    EXPECT_TRUE(written(write_comparison_html, comparison).contains("<small>1 run</small>"));
}

TEST(LoadComparison, ItSaysHowManyRunsItRestsOn) {
    const auto markdown_of = [](std::size_t first_count, std::size_t second_count) {
        return written(write_comparison_markdown, comparison_of(contender_of("A", false, 1000, first_count),
                                                                contender_of("B", false, 1000, second_count)));
    };
    EXPECT_TRUE(markdown_of(5, 6).contains("Medians of 5 runs of each; ratios to the first with 95 % bootstrap"));
    const std::string few = markdown_of(3, 3);
    EXPECT_TRUE(few.contains("Medians of 3 runs of each")) << few;
    EXPECT_TRUE(few.contains("no interval with fewer than 4 runs") && few.contains("(too few runs)")) << few;
}

TEST(LoadComparison, ARunWithoutAnAnswerHasNoLatency) {
    Contender silent = contender_of("B", true, 10'000);
    silent.runs[0].latencies.corrected = make_histogram();
    const Comparison comparison = comparison_of(contender_of("A", false, 1'000'000), std::move(silent));
    EXPECT_TRUE(std::isnan(comparison.figures[1][p99_figure_index].ratio_to_first.value));
}

TEST(LoadComparison, RatiosAreToTheFirst) {
    std::vector<Contender> contenders(2);
    for (std::size_t i = 0; i < contenders.size(); ++i) {
        contenders[i].name = i == 0 ? "A" : "B";
        for (unsigned run = 0; run < 3; ++run) {
            contenders[i].runs.push_back(tests::sample_run({.seed = run,
                                                            .seconds = 1,
                                                            .warmup_s = 0,
                                                            .rate = i == 0 ? 100U : 200U,
                                                            .is_valid = i == 0 || run != 2}));
        }
    }
    const Comparison comparison = compare(std::move(contenders), 1);
    EXPECT_EQ(comparison.figures[0][0].ratio_to_first.value, 1);
    EXPECT_NEAR(comparison.figures[1][0].ratio_to_first.value, 2, 0.1);
    EXPECT_EQ(comparison.figures[1][0].values.size(), 3u);
    ASSERT_EQ(comparison.invalid_reasons().size(), 1u);
    EXPECT_TRUE(comparison.invalid_reasons()[0].starts_with("B, run 3: The lag's p99"));
    const Histogram all = corrected_of_all(comparison.contenders[0]);
    EXPECT_EQ(static_cast<std::uint64_t>(all->total_count), comparison.contenders[0].runs[0].totals.responses +
                                                                comparison.contenders[0].runs[1].totals.responses +
                                                                comparison.contenders[0].runs[2].totals.responses);
}

}  // namespace
}  // namespace sluice::load
