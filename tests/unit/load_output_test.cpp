// sluice-load's outputs where a system test would be too coarse: names, empty histograms, disks that are full.
// runs: release long: asan
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "tools/load/report/csv.hpp"
#include "tools/load/report/hgrm.hpp"
#include "tools/load/report/hlog.hpp"
#include "tools/load/report/html.hpp"
#include "tools/load/report/json.hpp"
#include "tools/load/report/output_file.hpp"
#include "tools/load/result/percentiles.hpp"

#include <nlohmann/json.hpp>

namespace sluice::load {
namespace {

// What `write` puts into a stream.
template <typename Write>
std::string written(Write write) {
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* stream = ::open_memstream(&text, &size);
    write(stream);
    std::fclose(stream);
    const std::unique_ptr<char, decltype(&std::free)> owner(text, &std::free);
    return {text, size};
}

RunResult empty_run() {
    RunResult result;
    result.latencies = {make_histogram(), make_histogram(), make_histogram()};
    return result;
}

TEST(LoadOutput, FaultsHaveNames) {
    for (std::size_t i = 0; i < faults_count; ++i) EXPECT_FALSE(name_of(static_cast<Fault>(i)).empty());
    EXPECT_EQ(name_of(Fault::bad_body), "bad_body");
}

TEST(LoadOutput, OneHourIsKeptToThreeDigits) {
    const Histogram histogram = make_histogram();
    constexpr std::int64_t hour_ns = 3'600'000'000'000;
    EXPECT_TRUE(::hdr_record_value(histogram.get(), 1));
    EXPECT_TRUE(::hdr_record_value(histogram.get(), hour_ns));
    EXPECT_EQ(min_ns(histogram), 1u);
    EXPECT_NEAR(static_cast<double>(max_ns(histogram)), static_cast<double>(hour_ns),
                0.001 * static_cast<double>(hour_ns));
}

TEST(LoadOutput, ARunWithoutResponsesHasNoGarbage) {
    const RunResult result = empty_run();
    const auto json = nlohmann::json::parse(written([&](std::FILE* stream) { write_json(result, stream); }));
    for (const char* name : {"corrected", "uncorrected", "lag"}) {
        EXPECT_EQ(json["latency"][name]["count"], 0);
        for (const char* key : {"min_ns", "mean_ns", "stddev_ns", "max_ns"})
            EXPECT_TRUE(json["latency"][name][key].is_null()) << name << key;
        EXPECT_TRUE(json["latency"][name]["percentiles_ns"]["99.9"].is_null());
    }
    EXPECT_EQ(written([&](std::FILE* stream) { write_hgrm(result.latencies.corrected, stream); }), "");
    EXPECT_EQ(json["planned_rate"], 0);
}

TEST(LoadOutput, AClosedLoopPlansNoRate) {
    RunResult result = empty_run();
    result.is_open_loop = false;
    const auto json = nlohmann::json::parse(written([&](std::FILE* stream) { write_json(result, stream); }));
    EXPECT_TRUE(json["planned_rate"].is_null());
    EXPECT_EQ(json["loop"], "closed");
}

TEST(LoadOutput, ForeignBytesDoNotBreakJson) {
    RunResult result = empty_run();
    result.environment.command_line = "sluice-load --header \"X: \xff\n\x01\"";
    result.target = "http://h/\xc3";
    const auto json = nlohmann::json::parse(written([&](std::FILE* stream) { write_json(result, stream); }));
    EXPECT_EQ(json["environment"]["command_line"], "sluice-load --header \"X: \xef\xbf\xbd\n\x01\"");
}

TEST(LoadOutput, EveryLineOfCsvHasEveryColumn) {
    const RunResult result = empty_run();
    Interval interval;
    interval.latencies = &result.latencies;
    interval.counts.statuses[100] = 7;
    interval.counts.statuses[599] = 9;
    interval.counts.faults[faults_count - 1] = 11;
    const std::string text = written([&](std::FILE* stream) { CsvWriter(stream).on_interval(interval); });
    const std::size_t end = text.find('\n');
    const std::string head = text.substr(0, end);
    const std::string line = text.substr(end + 1);
    EXPECT_EQ(std::ranges::count(head, ','), std::ranges::count(line, ','));
    EXPECT_TRUE(line.ends_with(",7,0,0,0,9,0,0,0,0,0,0,0,0,0,0,0,11\n")) << line;
}

TEST(LoadOutput, ASecondWithoutAnAnswerHasNoLatency) {
    RunResult result = empty_run();
    Interval interval;
    interval.counts.sent = 100;
    interval.latencies = &result.latencies;
    ::hdr_record_value(result.latencies.lag.get(), 5);
    const std::string text = written([&](std::FILE* stream) { CsvWriter(stream).on_interval(interval); });
    EXPECT_TRUE(text.contains(",,,,,,,,5,")) << text;  // corrected and uncorrected are empty, the lag is known

    result.seconds.push_back({.begin_s = 0, .end_s = 1, .sent = 100, .lag_p99_ns = 5});
    const auto json = nlohmann::json::parse(written([&](std::FILE* stream) { write_json(result, stream); }));
    const auto& second = json["seconds"][0];
    for (const char* key : {"p50_ns", "p90_ns", "p99_ns", "p99.9_ns", "max_ns", "uncorrected_p99_ns"})
        EXPECT_TRUE(second.at(key).is_null()) << key;
    EXPECT_EQ(second["lag_p99_ns"], 5);
    EXPECT_EQ(second["end_s"], 1);
}

TEST(LoadOutput, AnEmptySecondHasNoLineInTheLog) {
    const RunResult result = empty_run();
    Interval interval;
    interval.end_s = 1;
    interval.latencies = &result.latencies;
    const std::string text = written([&](std::FILE* stream) {
        HlogWriter writer(stream, "0.1.0");
        writer.on_begin(1'500);
        writer.on_interval(interval);
    });
    EXPECT_TRUE(text.contains("[StartTime: 1.500 ")) << text;
    EXPECT_TRUE(text.contains("format version 1.2]"));
    EXPECT_FALSE(text.contains("Tag="));
}

EndpointFigures endpoint_of(const char* name) {
    EndpointFigures endpoint{.name = name, .counts = {}, .corrected = make_histogram(), .failed = make_histogram()};
    endpoint.counts.sent = endpoint.counts.responses = 4;
    endpoint.counts.succeeded = endpoint.counts.statuses[200] = 3;
    endpoint.counts.faults[static_cast<std::size_t>(Fault::bad_status)] = endpoint.counts.statuses[405] = 1;
    for (const std::int64_t ns : {100, 200, 300, 50}) ::hdr_record_value(endpoint.corrected.get(), ns);
    ::hdr_record_value(endpoint.failed.get(), 50);
    return endpoint;
}

TEST(LoadOutput, EndpointsHaveFiguresOfTheirOwn) {
    RunResult result = empty_run();
    result.endpoints.push_back(endpoint_of("post, \"quick\""));
    result.endpoints.push_back(endpoint_of("<b>"));
    const auto json = nlohmann::json::parse(written([&](std::FILE* stream) { write_json(result, stream); }));
    ASSERT_EQ(json["endpoints"].size(), 2u);
    const auto& first = json["endpoints"][0];
    EXPECT_EQ(first["name"], "post, \"quick\"");
    EXPECT_EQ(first["failed"], 1);
    EXPECT_EQ(first["statuses"]["405"], 1);
    EXPECT_EQ(first["latency"]["corrected"]["count"], 4);
    EXPECT_EQ(first["latency"]["succeeded"]["count"], 3);
    EXPECT_EQ(first["latency"]["succeeded"]["min_ns"], 100);
    EXPECT_EQ(first["latency"]["failed"]["max_ns"], 50);

    Interval interval{.end_s = 1, .counts = {}, .latencies = &result.latencies, .endpoints = result.endpoints};
    const std::string csv = written([&](std::FILE* stream) { CsvWriter(stream).on_interval(interval); });
    EXPECT_TRUE(csv.contains(",\"endpoint_post, \"\"quick\"\"_sent\",")) << csv;
    EXPECT_TRUE(csv.ends_with(",4,4,3,1,100,300,300,300,4,4,3,1,100,300,300,300\n")) << csv;

    const std::string log = written([&](std::FILE* stream) {
        HlogWriter writer(stream, "0.1.0");
        writer.on_begin(1'500);
        writer.on_interval(interval);
    });
    EXPECT_TRUE(log.contains("Tag=endpoint_post___quick_,")) << log;

    const std::string html = written([&](std::FILE* stream) { write_html(result, stream); });
    EXPECT_TRUE(html.contains("<h2>Endpoints</h2>")) << html;
    EXPECT_TRUE(html.contains(R"(<th scope="row">&lt;b&gt;</th><td>4</td><td>3</td><td class="bad">1</td>)")) << html;
    EXPECT_TRUE(html.contains("Latency by endpoint"));
}

TEST(LoadOutput, ThePageOfAFailedRunIsNoCalmOne) {
    RunResult result = empty_run();
    const auto page = [&] { return written([&](std::FILE* stream) { write_html(result, stream); }); };
    EXPECT_TRUE(page().contains(R"(<div class=""><dt>Failed</dt>)"));
    result.totals.succeeded = 9;
    result.totals.faults[static_cast<std::size_t>(Fault::bad_status)] = 1;
    EXPECT_TRUE(page().contains(R"(<div class="bad"><dt>Failed</dt>)"));
    result.thresholds.push_back({.text = "errors<1%", .measured = "10 %", .holds = false});
    EXPECT_TRUE(page().contains(R"(<div class="alarm"><dt>Failed</dt>)"));
    result.thresholds.clear();
    result.failure = "20 of 20 requests failed.";
    EXPECT_TRUE(page().contains(R"(<div class="alarm"><dt>Failed</dt>)"));
    EXPECT_TRUE(page().contains("<strong>FAILED</strong> – 20 of 20 requests failed."));
}

TEST(LoadOutput, AFileIsAsItWasUntilSomethingIsWritten) {
    const std::filesystem::path directory =
        std::filesystem::temp_directory_path() / ("sluice-" + std::to_string(::getpid()));
    std::filesystem::create_directory(directory);
    const std::string old_path = directory / "old", new_path = directory / "new";
    std::ofstream(old_path) << "of the last run";
    const auto content = [&] {
        std::ifstream file(old_path);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    {
        const auto old_file = OutputFile::create(old_path), new_file = OutputFile::create(new_path);
        ASSERT_TRUE(old_file && new_file);
        EXPECT_TRUE(std::filesystem::exists(new_path));
    }
    EXPECT_EQ(content(), "of the last run");
    EXPECT_FALSE(std::filesystem::exists(new_path)) << "a run that could not begin leaves nothing";
    auto file = OutputFile::create(old_path);
    file->begin();
    EXPECT_EQ(content(), "");
    put(file->stream(), "new");
    file->begin();
    EXPECT_FALSE(file->close());
    EXPECT_EQ(content(), "new");
    std::filesystem::remove_all(directory);
}

TEST(LoadOutput, NamesGoBeforeTheExtension) {
    EXPECT_EQ(path_with_name("run.hgrm", "lag"), "run.lag.hgrm");
    EXPECT_EQ(path_with_name("/a.b/run", "lag"), "/a.b/run.lag");
    EXPECT_EQ(path_with_name("/a.b/.run", "lag"), "/a.b/.run.lag");
}

TEST(LoadOutput, ErrorsOfAFileAreTold) {
    EXPECT_EQ(OutputFile::create("/nonexistent/run.json").error(), std::errc::no_such_file_or_directory);
    auto full = OutputFile::create("/dev/full");
    ASSERT_TRUE(full);
    put(full->stream(), "lost");
    EXPECT_EQ(full->close(), std::errc::no_space_on_device);
    auto flushed = OutputFile::create("/dev/full");
    ASSERT_TRUE(flushed);
    put(flushed->stream(), "lost");
    std::fflush(flushed->stream());
    EXPECT_TRUE(flushed->close()) << "an earlier failed write is remembered";
    auto good = OutputFile::create("/dev/null");
    ASSERT_TRUE(good);
    put(good->stream(), "kept");
    EXPECT_FALSE(good->close());
}

}  // namespace
}  // namespace sluice::load
