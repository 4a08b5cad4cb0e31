// The line that a run writes each second: what stays of it where there is little room.
// runs: release long: asan
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
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

struct CloseStream {
    void operator()(std::FILE* stream) const { std::fclose(stream); }
};
using Stream = std::unique_ptr<std::FILE, CloseStream>;

std::string content_of(const Stream& stream) {
    std::array<char, 4096> bytes{};
    const ssize_t size = ::pread(::fileno(stream.get()), bytes.data(), bytes.size(), 0);
    return {bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

std::string progress_of(const RunPlan& plan, const Counts& counts) {
    const Stream stream(std::tmpfile());
    const Latencies latencies{make_histogram(), make_histogram(), make_histogram()};
    Interval interval{.end_s = 1, .counts = counts, .latencies = &latencies};
    Progress(plan, stream.get()).on_interval(interval);
    return content_of(stream);
}

TEST(LoadProgress, ASpanThatEndsWithinASecondHasItsTime) {
    const Latencies latencies{make_histogram(), make_histogram(), make_histogram()};
    const Stream stream(std::tmpfile());
    Progress progress({}, stream.get());
    for (const double end_s : {0.25, 0.5, 1.25, 1.5, 2.25, 2.5, 3.0}) {
        const Interval interval{
            .begin_s = end_s - 1, .end_s = end_s, .counts = {}, .latencies = &latencies, .left_s = 3.5 - end_s};
        progress.on_interval(interval);
    }
    const std::string lines = content_of(stream);
    for (const char* label : {"0.25 s ", "1.25 s ", "2.25 s ", "  1.25 s left", " 0.5 s ", " 1.5 s ", " 2.5 s ",
                              "   3 s ", "  3 s left", "  0.5 s left"})
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

// It returns, although nobody reads.
TEST(LoadProgress, ALineForAFullPipeIsLeftOut) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const Stream reader(::fdopen(ends[0], "r")), writer(::fdopen(ends[1], "w"));
    const int size = ::fcntl(ends[1], F_GETPIPE_SZ);
    const std::string filling(static_cast<std::size_t>(size), 'x');
    ASSERT_EQ(::write(ends[1], filling.data(), filling.size()), size);
    write_if_taken(writer.get(), "left out\n");
    std::string read(filling.size(), '\0');
    ASSERT_EQ(::read(ends[0], read.data(), read.size()), size);
    write_if_taken(writer.get(), "written\n");
    std::array<char, 64> rest{};
    const ssize_t count = ::read(ends[0], rest.data(), rest.size());
    EXPECT_EQ(std::string_view(rest.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))), "written\n");
}

}  // namespace
}  // namespace sluice::load
