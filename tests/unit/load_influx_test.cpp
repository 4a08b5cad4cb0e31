// Line protocol and addresses. What databases make of them, tests/system/test_load_influx.py shows.
// runs: release long: asan
#include <gtest/gtest.h>

#include <array>

#include "tools/load/export/influx.hpp"

namespace sluice::load {
namespace {

struct SecondOfRun {
    Latencies latencies{make_histogram(), make_histogram(), make_histogram()};
    Interval interval;

    SecondOfRun() {
        interval.begin_s = 2.5;
        interval.latencies = &latencies;
    }
};

TEST(LoadInflux, OnePointForTheSecondAndOneForEachStatusAndFault) {
    SecondOfRun second;
    second.interval.counts.statuses[204] = 7;
    second.interval.counts.faults[0] = 2;
    InfluxRenderer renderer("night");
    renderer.begin(1000);
    const InfluxLines lines = renderer.render(second.interval);
    EXPECT_EQ(lines.points_count, 3u);
    EXPECT_TRUE(lines.text.starts_with("sluice_load,run=night,phase=measured planned=0i,")) << lines.text;
    EXPECT_FALSE(lines.text.contains("p99")) << "a second without a response has no latency";
    EXPECT_TRUE(
        lines.text.ends_with("sluice_load_status,run=night,phase=measured,status=204 count=7i 3500\n"
                             "sluice_load_fault,run=night,phase=measured,fault=refused count=2i 3500\n"))
        << lines.text;
}

TEST(LoadInflux, WhatOccurredOnceFallsBackToZero) {
    SecondOfRun second;
    second.interval.counts.statuses[503] = 1;
    InfluxRenderer renderer("");
    EXPECT_EQ(renderer.render(second.interval).points_count, 2u);
    second.interval.counts.statuses[503] = 0;
    second.interval.is_warmup = true;
    const InfluxLines lines = renderer.render(second.interval);
    EXPECT_TRUE(lines.text.contains("sluice_load_status,phase=warmup,status=503 count=0i")) << lines.text;
}

TEST(LoadInflux, ARunsNameCannotEndItsTag) {
    SecondOfRun second;
    const std::string text = InfluxRenderer("a b,c=d\ne\\").render(second.interval).text;
    EXPECT_TRUE(text.starts_with("sluice_load,run=a\\ b\\,c\\=d_e/,phase=measured ")) << text;
}

TEST(LoadInflux, LatenciesOfAllThreeHistograms) {
    SecondOfRun second;
    ::hdr_record_value(second.latencies.corrected.get(), 100);
    ::hdr_record_value(second.latencies.uncorrected.get(), 90);
    ::hdr_record_value(second.latencies.lag.get(), 10);
    const std::string text = InfluxRenderer("").render(second.interval).text;
    EXPECT_TRUE(text.contains("corrected_p50_ns=100i"));
    EXPECT_TRUE(text.contains("uncorrected_p999_ns=90i"));
    EXPECT_TRUE(text.contains("lag_max_ns=10i"));
}

TEST(LoadInflux, APointForEachEndpoint) {
    SecondOfRun second;
    const std::array<EndpointFigures, 1> endpoints{
        {{.name = "post a", .counts = {}, .corrected = make_histogram(), .failed = make_histogram()}}};
    ::hdr_record_value(endpoints[0].corrected.get(), 100);
    second.interval.endpoints = endpoints;
    const InfluxLines lines = InfluxRenderer("night").render(second.interval);
    EXPECT_EQ(lines.points_count, 2u);
    EXPECT_TRUE(lines.text.contains("\nsluice_load_endpoint,run=night,phase=measured,endpoint=post\\ a sent=0i,"))
        << lines.text;
    EXPECT_TRUE(lines.text.contains(",failed=0i,corrected_p50_ns=100i,")) << lines.text;
}

TEST(LoadInflux, Addresses) {
    EXPECT_EQ(
        influx_write_url({.url = "http://h:8086/", .database = "a b", .organization = {}, .bucket = {}, .token = {}}),
        "http://h:8086/write?precision=ms&db=a%20b");
    EXPECT_EQ(
        influx_write_url({.url = "https://h", .database = {}, .organization = "o&o", .bucket = "b", .token = "t"}),
        "https://h/api/v2/write?precision=ms&org=o%26o&bucket=b");
}

TEST(LoadInflux, ADatabaseThatIsAwayKeepsABoundedPast) {
    SecondOfRun second;
    int warnings_count = 0;
    InfluxExporter exporter(
        {.url = "http://127.0.0.1:1", .database = "d", .organization = {}, .bucket = {}, .token = {}}, "",
        [&](const std::string&) { ++warnings_count; });
    constexpr std::size_t seconds_count = InfluxExporter::pending_seconds_max + 100;
    for (std::size_t i = 0; i < seconds_count; ++i) exporter.on_interval(second.interval);
    const InfluxExporter::Outcome outcome = exporter.finish();
    EXPECT_EQ(outcome.points_written, 0u);
    EXPECT_EQ(outcome.points_lost, seconds_count) << "each point is counted once";
    EXPECT_EQ(warnings_count, 1);
}

}  // namespace
}  // namespace sluice::load
