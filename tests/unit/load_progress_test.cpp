// The line that a run writes each second: what stays of it where there is little room.
// runs: release long: asan
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "tools/load/command/progress.hpp"

namespace sluice::load {
namespace {

TEST(LoadProgress, WhatMattersLeastGoesFirst) {
    const std::vector<LinePart> parts{{"rate", 0}, {"p50", 2}, {"p99", 1}, {"failed", 0}};
    EXPECT_EQ(fitted_line(parts, 80), "rate  p50  p99  failed");
    EXPECT_EQ(fitted_line(parts, 22), "rate  p50  p99  failed");
    EXPECT_EQ(fitted_line(parts, 21), "rate  p99  failed");
    EXPECT_EQ(fitted_line(parts, 16), "rate  failed");
    EXPECT_EQ(fitted_line(parts, 7), "rate  f");
    EXPECT_EQ(fitted_line({}, 7), "");
}

std::string progress_of(const RunPlan& plan, const Counts& counts) {
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* stream = ::open_memstream(&text, &size);
    const Latencies latencies{make_histogram(), make_histogram(), make_histogram()};
    Interval interval{.end_s = 1, .counts = counts, .latencies = &latencies};
    Progress(plan, stream).on_interval(interval);
    std::fclose(stream);
    const std::unique_ptr<char, decltype(&std::free)> owner(text, &std::free);
    return {text, size};
}

TEST(LoadProgress, ASpanThatEndsWithinASecondHasItsTime) {
    const Latencies latencies{make_histogram(), make_histogram(), make_histogram()};
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* stream = ::open_memstream(&text, &size);
    Progress progress({}, stream);
    for (const double end_s : {0.5, 1.5, 2.5, 3.0}) {
        const Interval interval{
            .begin_s = end_s - 1, .end_s = end_s, .counts = {}, .latencies = &latencies, .left_s = 3.5 - end_s};
        progress.on_interval(interval);
    }
    std::fclose(stream);
    const std::unique_ptr<char, decltype(&std::free)> owner(text, &std::free);
    const std::string lines(text, size);
    for (const char* label : {" 0.5 s ", " 1.5 s ", " 2.5 s ", "   3 s ", "  3 s left", "  0.5 s left"})
        EXPECT_TRUE(lines.contains(label)) << label << " in\n" << lines;
}

TEST(LoadProgress, ErrorsAreToldByStatus) {
    RunPlan plan;
    plan.endpoints.resize(2);
    plan.endpoints[1].check.statuses = {404};
    Counts counts;
    counts.statuses[100] = 7;
    counts.statuses[200] = counts.succeeded = 90;
    counts.statuses[404] = 3;  // a success of one endpoint: two of these are errors
    counts.statuses[503] = 5;
    counts.faults[static_cast<std::size_t>(Fault::bad_status)] = 7;
    counts.faults[static_cast<std::size_t>(Fault::timeout)] = 1;
    const std::string line = progress_of(plan, counts);
    EXPECT_TRUE(line.contains("  failed 503: 5  timeout: 1  bad_status: 2\n")) << line;
    EXPECT_FALSE(progress_of(plan, {}).contains("failed"));
}

}  // namespace
}  // namespace sluice::load
