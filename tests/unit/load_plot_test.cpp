// Axes, plots and the words for figures: where a value stands, what a tick says, what foreign text can do.
// runs: release long: asan
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "tools/load/report/html_text.hpp"
#include "tools/load/report/plot_axis.hpp"
#include "tools/load/report/quantity.hpp"
#include "tools/load/report/run_plots.hpp"
#include "tools/load/report/svg_plot.hpp"

namespace sluice::load {
namespace {

std::vector<std::string> labels_of(const PlotAxis& axis) {
    std::vector<std::string> labels;
    for (const Tick& tick : axis.ticks()) {
        if (!tick.text.empty()) labels.push_back(tick.text);
    }
    return labels;
}

TEST(LoadQuantity, ThreeDigitsAndAUnit) {
    struct Case {
        std::string text, expected;
    };
    const std::vector<Case> cases{{text_of_ns(0), "0"},
                                  {text_of_ns(870), "870 ns"},
                                  {text_of_ns(12'340), "12.3 µs"},
                                  {text_of_ns(999'600), "1 ms"},
                                  {text_of_ns(1.2e6), "1.2 ms"},
                                  {text_of_ns(90e9), "90 s"},
                                  {text_of_ns(180e9), "3 min"},
                                  {text_of_seconds(0), "0 s"},
                                  {text_of_seconds(90), "90 s"},
                                  {text_of_seconds(600), "10 min"},
                                  {text_of_seconds(9000), "2.5 h"},
                                  {text_of_count(0.25), "0.25"},
                                  {text_of_count(999), "999"},
                                  {text_of_count(12'300), "12.3k"},
                                  {text_of_bytes(1234), "1.23 kB"},
                                  {text_of_share(0.00297), "0.297 %"},
                                  {text_of_share(1), "100 %"},
                                  {utc_text_of(1'790'000'000'999), "2026-09-21T14:13:20Z"},
                                  {grouped(0), "0"},
                                  {grouped(999), "999"},
                                  {grouped(1'234'567), "1\u202f234\u202f567"}};
    for (const Case& one : cases) EXPECT_EQ(one.text, one.expected);
}

TEST(LoadPlotAxis, LinearFromZeroLeavesRoomAboveTheHighest) {
    const PlotAxis axis(Scale::linear, Quantity::count, 0, 2000, 8);
    EXPECT_EQ(labels_of(axis), (std::vector<std::string>{"0", "500", "1k", "1.5k", "2k", "2.5k"}));
    EXPECT_DOUBLE_EQ(axis.position_of(2000), 0.8);
    EXPECT_EQ(axis.position_of(9999), 1) << "nothing is drawn outside";
}

TEST(LoadPlotAxis, TimeEndsWhereTheRunDoes) {
    EXPECT_EQ(PlotAxis(Scale::linear, Quantity::seconds, 0, 33, 9).position_of(33), 1);
    EXPECT_EQ(labels_of(PlotAxis(Scale::linear, Quantity::seconds, 0, 600, 9)),
              (std::vector<std::string>{"0 s", "2 min", "4 min", "6 min", "8 min", "10 min"}));
    EXPECT_LE(labels_of(PlotAxis(Scale::linear, Quantity::seconds, 0, 5 * 86400, 9)).size(), 10u);
}

TEST(LoadPlotAxis, EveryNineTakesTheSameRoom) {
    const PlotAxis axis(Scale::percentile, Quantity::share, 0, 99.99, 9);
    EXPECT_DOUBLE_EQ(axis.position_of(0), 0);
    EXPECT_NEAR(axis.position_of(90), 0.25, 1e-9);
    EXPECT_NEAR(axis.position_of(99), 0.5, 1e-9);
    EXPECT_NEAR(axis.position_of(99.9), 0.75, 1e-9);
    EXPECT_NEAR(axis.position_of(99.99), 1, 1e-9);
    EXPECT_EQ(axis.position_of(100), 1);
    EXPECT_EQ(labels_of(axis), (std::vector<std::string>{"0 %", "90 %", "99 %", "99.9 %", "99.99 %", "50 %"}));
}

TEST(LoadPlotAxis, LogarithmicSpansADecadeAtLeast) {
    const PlotAxis narrow(Scale::log10, Quantity::ns, 30e3, 40e3, 8);
    EXPECT_EQ(labels_of(narrow), (std::vector<std::string>{"10 µs", "20 µs", "50 µs", "100 µs"}));
    const PlotAxis wide(Scale::log10, Quantity::ns, 1, 3600e9, 8);
    EXPECT_LE(labels_of(wide).size(), 9u);
    EXPECT_EQ(wide.position_of(0), 0) << "what a logarithm cannot show stands at the start";
}

TEST(LoadPlotAxis, AnyRangeHasFewTicksInOrder) {
    for (const double high : {0.0, 1e-9, 1.0, 3.0, 7.0, 1e3, 12345.0, 1e9, 1e15}) {
        for (const Scale scale : {Scale::linear, Scale::log10}) {
            const PlotAxis axis(scale, Quantity::count, 0, high, 8);
            EXPECT_GE(axis.ticks().size(), 2u) << high;
            EXPECT_LE(labels_of(axis).size(), 12u) << high;
            EXPECT_TRUE(std::ranges::is_sorted(axis.ticks(), {}, &Tick::position));
            for (const Tick& tick : axis.ticks()) EXPECT_TRUE(tick.position >= 0 && tick.position <= 1) << high;
        }
    }
}

TEST(LoadPlot, ForeignTextStaysText) {
    const std::string evil = "<script>'\"&\n";
    EXPECT_EQ(escaped_html(evil), "&lt;script&gt;&#39;&quot;&amp; ");
    const Plot plot{.title = evil,
                    .description = evil,
                    .x = {.label = evil, .low = {}, .high = {}},
                    .y = {.label = evil, .low = {}, .high = {}},
                    .series = {{.name = evil, .points = {{0, 1}, {1, 2}}}},
                    .bands = {{.name = evil, .begin_x = 0, .end_x = 0.5}}};
    EXPECT_FALSE(render_plot(plot).contains("<script"));
}

TEST(LoadPlot, WhatCannotBeShownLeavesAGap) {
    Plot plot{.title = "t",
              .description = {},
              .x = {.label = {}, .low = {}, .high = {}},
              .y = {.label = {}, .scale = Scale::log10, .low = {}, .high = {}},
              .series = {},
              .bands = {}};
    plot.series = {
        {.name = "one", .points = {{0, 10}, {1, 0}, {2, std::numeric_limits<double>::quiet_NaN()}, {3, 1000}}}};
    const std::string html = render_plot(plot);
    EXPECT_FALSE(html.contains("nan"));
    // The legend's line has a lower-case h, too; the plot's line starts twice.
    const std::size_t line = html.rfind("class=\"line s0\"");
    const std::string path = html.substr(line, html.find("</path>", line) - line);
    EXPECT_EQ(std::ranges::count(path, 'M'), 2) << path;
    EXPECT_EQ(std::ranges::count(path, 'L'), 0) << path;
}

TEST(LoadPlot, ALongRunIsDrawnInGroupsThatKeepItsWorst) {
    constexpr std::size_t seconds_count = 7200;
    RunResult result;
    for (std::size_t i = 0; i < seconds_count; ++i) {
        result.seconds.push_back({.begin_s = static_cast<double>(i),
                                  .end_s = i + 1.0,
                                  .responses = i % 2 == 0 ? 100U : 300U,
                                  .p99_ns = 1000});
    }
    result.seconds[4321].p99_ns = 77'000;
    const Plot latency = latency_over_time(result);
    EXPECT_TRUE(latency.description.ends_with("Each point is the worst of 8 seconds.")) << latency.description;
    const std::vector<PlotPoint>& p99 = latency.series[2].points;
    ASSERT_EQ(p99.size(), seconds_count / 8);
    EXPECT_EQ(p99[4321 / 8].y, 77'000);
    EXPECT_EQ(std::ranges::count(p99, 1000, &PlotPoint::y), 899);
    const Plot rate = rate_over_time(result);
    for (const PlotPoint& point : rate.series[2].points) EXPECT_EQ(point.y, 200);
    result.seconds.resize(900);
    EXPECT_EQ(latency_over_time(result).series[2].points.size(), 900u);
}

TEST(LoadPlot, AConstantRateIsDrawnLevelFromBeginToEnd) {
    RunResult result;
    result.warmup_s = 0.4;
    result.seconds = {
        {.begin_s = 0, .end_s = 0.4, .is_warmup = true, .planned = 160, .failed = 4, .open_connections_count = 10},
        {.begin_s = 0.4, .end_s = 1.4, .planned = 400, .failed = 10, .open_connections_count = 10},
        {.begin_s = 1.4, .end_s = 2.4, .planned = 400, .responses = 399, .failed = 10, .open_connections_count = 10},
        {.begin_s = 2.4, .end_s = 2.4001, .responses = 1, .p99_ns = 77, .open_connections_count = 10}};
    const Plot rate = rate_over_time(result);
    const std::vector<PlotPoint>& planned = rate.series[0].points;
    ASSERT_EQ(planned.size(), 3u) << "the last answers are no second of their own";
    for (const PlotPoint& point : planned) EXPECT_NEAR(point.y, 400, 0.1);
    EXPECT_NEAR(planned[0].x, 0.2, 1e-9) << "within the warm-up's band";
    EXPECT_LT(planned[0].x, rate.bands[0].end_x);
    EXPECT_NEAR(planned[1].x, 0.9, 1e-9);
    EXPECT_NEAR(rate.series[2].points[2].y, 400, 0.1);
    EXPECT_DOUBLE_EQ(*rate.x.high, 2.4001);
    EXPECT_NEAR(errors_over_time(result).series[0].points[0].y, 10, 1e-9);
    EXPECT_EQ(connections_over_time(result).series[0].points[2].y, 10) << "a level is no rate";
    EXPECT_EQ(latency_over_time(result).series[2].points[2].y, 77) << "nothing is left out";
}

TEST(LoadPlot, PercentilesEndAtTheSlowest) {
    const Histogram histogram = make_histogram();
    for (std::int64_t i = 1; i <= 1000; ++i) ::hdr_record_value(histogram.get(), i);
    const Series series = percentile_series("one", histogram);
    EXPECT_TRUE(std::ranges::is_sorted(series.points, {}, &PlotPoint::x));
    EXPECT_TRUE(std::ranges::is_sorted(series.points, {}, &PlotPoint::y));
    EXPECT_EQ(series.points.back().x, 100);
    EXPECT_EQ(series.points.back().y, 1000);
    const auto at_median = std::ranges::find_if(series.points, [](const PlotPoint& point) { return point.x >= 50; });
    EXPECT_EQ(at_median->y, 500);
    EXPECT_TRUE(percentile_series("none", make_histogram()).points.empty());
    EXPECT_NEAR(*percentile_plot({}, 1000).x.high, 99.9, 1e-9);
}

TEST(LoadPlot, NothingMeasuredIsSaid) {
    EXPECT_TRUE(render_plot({.title = "t", .description = {}, .x = {}, .y = {}, .series = {{}}, .bands = {}})
                    .contains("Nothing was measured."));
}

TEST(LoadPlot, MoreSeriesThanColoursReuseThem) {
    Plot plot{.title = "t", .description = {}, .x = {}, .y = {}, .series = {}, .bands = {}};
    for (std::size_t i = 0; i <= series_max; ++i) plot.series.push_back({.name = "s", .points = {{0, 1}, {1, 2}}});
    const std::string html = render_plot(plot);
    EXPECT_TRUE(html.contains("line s7"));
    EXPECT_FALSE(html.contains("line s8"));
}

}  // namespace
}  // namespace sluice::load
