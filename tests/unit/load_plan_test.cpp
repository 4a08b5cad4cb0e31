// What a load plan is made of: units, stages, arrivals, thresholds, targets.
// runs: release long: asan
#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "tools/load/command/run_options.hpp"
#include "tools/load/plan/arrivals.hpp"
#include "tools/load/plan/secrets.hpp"
#include "tools/load/plan/stages.hpp"
#include "tools/load/plan/target.hpp"
#include "tools/load/plan/threshold.hpp"
#include "tools/load/plan/units.hpp"

namespace sluice::load {
namespace {

std::vector<std::uint64_t> times_of(Arrivals arrivals) {
    std::vector<std::uint64_t> times;
    for (; arrivals.next_ns(); arrivals.advance()) times.push_back(*arrivals.next_ns());
    return times;
}

TEST(LoadSecrets, AreLeftOutOfWhatIsShown) {
    EXPECT_EQ(without_secrets("http://u:pw@h:8086/write?db=x"), "http://***@h:8086/write?db=x");
    EXPECT_EQ(without_secrets("redis://:a/b@c@h:6379/0"), "redis://***@h:6379/0");
    EXPECT_EQ(without_secrets("http://h/users/@me?api_key=pw&n=1&Token=pw#end"),
              "http://h/users/@me?api_key=***&n=1&Token=***#end");
    EXPECT_EQ(without_secrets("Authorization: Bearer pw"), "Authorization:***");
    EXPECT_EQ(without_secrets("--header=X-API-Key: pw"), "--header=X-API-Key:***");
    EXPECT_EQ(without_secrets("sink.redis.password=pw"), "sink.redis.password=***");
    EXPECT_EQ(without_secrets("--influx-token=pw"), "--influx-token=***");
    EXPECT_EQ(without_secrets("--influx=http://u:pw@h"), "--influx=http://***@h");
    for (const char* plain : {"--rate", "5k", "10s@50,20s@100", "http://127.0.0.1:8080/telemetry", "Accept: text/html",
                              "ok=true", R"({"device_id":"{device}","ts":{ts:ms}})", "p95<200ms"})
        EXPECT_EQ(without_secrets(plain), plain);
}

TEST(LoadSecrets, ACommandLineCanBePasted) {
    const std::vector<std::string> words{"sluice-load", "http://h/a?b=c", "--influx-token", "pw",
                                         "--quiet",     "--body",         "it's",           ""};
    EXPECT_EQ(shown_command_line(words),
              "sluice-load 'http://h/a?b=c' --influx-token *** --quiet --body 'it'\\''s' ''");
}

TEST(LoadUnits, ParsesWhatPeopleWrite) {
    EXPECT_EQ(parse_span_ns("0.5s"), 500'000'000u);
    EXPECT_EQ(parse_span_ns("134ms"), 134'000'000u);
    EXPECT_EQ(parse_span_ns("2m"), 120'000'000'000u);
    EXPECT_EQ(parse_span_ns("0"), 0u);
    EXPECT_EQ(parse_rate("20000/s"), 20000.0);
    EXPECT_EQ(parse_rate("1.5k"), 1500.0);
    EXPECT_EQ(parse_rate("600/m"), 10.0);
    EXPECT_EQ(parse_count("5k"), 5000u);
}

TEST(LoadUnits, RefusesWhatCouldMeanSomethingElse) {
    for (const char* text : {"5", "s", "", "-1s", "1 s", "1d", "nans", "infs", "1e300s"})
        EXPECT_FALSE(parse_span_ns(text)) << text;
    for (const char* text : {"5/d", "k", "-5/s", "5 /s", "5kk"}) EXPECT_FALSE(parse_rate(text)) << text;
    for (const char* text : {"1.5", "0.0001k", "-1", ""}) EXPECT_FALSE(parse_count(text)) << text;
}

TEST(LoadUnits, FormatsForPeople) {
    EXPECT_EQ(format_ns(871), "871 ns");
    EXPECT_EQ(format_ns(12'300), "12.3 us");
    EXPECT_EQ(format_ns(1'530'000), "1.53 ms");
    EXPECT_EQ(format_ns(999'499), "999 us");
    EXPECT_EQ(format_ns(999'500), "1 ms");
    EXPECT_EQ(format_ns(999'999'999), "1 s");
    EXPECT_EQ(format_ns(99'960), "100 us");
    EXPECT_EQ(format_ns(9'996), "10 us");
    EXPECT_EQ(format_rate(20000), "20000/s");
    EXPECT_EQ(format_rate(0.5), "0.5/s");
}

TEST(LoadUnits, HalvesAreRoundedUp) {
    const std::pair<double, const char*> tenths[] = {
        {0.25, "0.3"}, {1.25, "1.3"},   {2.25, "2.3"}, {2.75, "2.8"}, {0.15, "0.2"},
        {0.35, "0.4"}, {-0.25, "-0.3"}, {0.24, "0.2"}, {5, "5"},      {1e15, "1000000000000000"}};
    for (const auto& [number, text] : tenths) EXPECT_EQ(format_number(number, 1), text);
}

TEST(LoadUnits, ASpanHasAsManyDigitsAsItNeeds) {
    const std::pair<double, const char*> spans[] = {{30, "30 s"},       {2.5, "2.5 s"},   {0.25, "0.25 s"},
                                                    {0.125, "0.125 s"}, {0.01, "0.01 s"}, {0.0025, "2.5 ms"},
                                                    {1e-5, "10 us"},    {0, "0 s"},       {100.0 / 3, "33.333 s"}};
    for (const auto& [seconds, text] : spans) EXPECT_EQ(format_seconds(seconds), text);
}

TEST(LoadStages, WhenAnAreaIsReached) {
    const Stages stages = *parse_rate_stages("10s@100,5s@100,0s@40,10s@0");
    EXPECT_DOUBLE_EQ(stages.seconds(), 25);
    EXPECT_DOUBLE_EQ(stages.level_at(5), 50);
    EXPECT_DOUBLE_EQ(stages.level_at(12), 100);
    EXPECT_DOUBLE_EQ(stages.level_at(20), 20);
    EXPECT_DOUBLE_EQ(stages.level_at(25), 0);
    struct Row {
        double area, second;
    };
    // 5 t² while it rises to 100, then 100 t, then 40 t - 2 t² while it falls from 40.
    for (const Row& row :
         {Row{5, 1}, Row{125, 5}, Row{500, 10}, Row{750, 12.5}, Row{1038, 16}, Row{1150, 20}, Row{1198, 24}})
        EXPECT_NEAR(stages.second_of_area(row.area), row.second, 1e-6) << row.area;
    EXPECT_LT(stages.second_of_area(1201), 0);
}

TEST(LoadStages, ATimeScaleShortensAndKeepsTheLevels) {
    const Stages stages = parse_user_stages("10s@50,20s@100,10s@0")->sped_up(10);
    EXPECT_DOUBLE_EQ(stages.seconds(), 4);
    EXPECT_DOUBLE_EQ(stages.level_max(), 100);
    EXPECT_DOUBLE_EQ(stages.level_at(0.5), 25);
}

TEST(LoadStages, RefusesNonsense) {
    for (const char* text : {"", "10s", "@5", "10s@", "10s@5,", "0s@5", "10s@0"})
        EXPECT_FALSE(parse_rate_stages(text)) << text;
    EXPECT_FALSE(parse_user_stages("10s@2.5"));
}

TEST(LoadArrivals, AConstantRateIsEven) {
    const ArrivalPlan plan{.rate = Stages::constant(1000, 2)};
    const auto times = times_of(Arrivals(plan, 0, 1));
    ASSERT_EQ(times.size(), 2000u);
    for (std::size_t i = 0; i < times.size(); ++i) EXPECT_EQ(times[i], i * 1'000'000) << i;
}

TEST(LoadArrivals, ThreadsShareOneSchedule) {
    const ArrivalPlan plan{.rate = *parse_rate_stages("1s@500,1s@100")};
    const auto all = times_of(Arrivals(plan, 0, 1));
    std::vector<std::uint64_t> merged;
    for (std::uint32_t thread = 0; thread < 3; ++thread)
        for (const std::uint64_t time : times_of(Arrivals(plan, thread, 3))) merged.push_back(time);
    std::sort(merged.begin(), merged.end());
    EXPECT_EQ(merged, all);
    EXPECT_EQ(all.size(), 550u);
}

TEST(LoadArrivals, ARampHasTheCountOfItsArea) {
    const ArrivalPlan plan{.rate = *parse_rate_stages("10s@1k")};
    const auto times = times_of(Arrivals(plan, 0, 1));
    ASSERT_EQ(times.size(), 5000u);
    EXPECT_NEAR(static_cast<double>(times[1250]) / 1e9, 5, 1e-6);  // a quarter of the area lies before the middle
}

TEST(LoadArrivals, ACountEndsTheSchedule) {
    const ArrivalPlan plan{.rate = Stages::constant(1000, 100), .requests_count_max = 10};
    EXPECT_EQ(times_of(Arrivals(plan, 0, 1)).size(), 10u);
    EXPECT_EQ(times_of(Arrivals(plan, 0, 3)).size() + times_of(Arrivals(plan, 1, 3)).size() +
                  times_of(Arrivals(plan, 2, 3)).size(),
              10u);
}

// Drawn arrivals may take longer than N / rate: the schedule must not end before them.
TEST(LoadArrivals, ARunByCountPlansAllItsRequests) {
    for (int seed = 1; seed <= 30; ++seed) {
        RunOptions options;
        options.url = "http://127.0.0.1/";
        options.rate = "1/s";
        options.arrivals = "poisson";
        options.requests = "1000";
        options.seed = std::to_string(seed);
        const RunPlan plan = *plan_of(options);
        EXPECT_EQ(times_of(Arrivals(plan.arrivals, 0, 1)).size(), 1000u) << seed;
    }
}

TEST(LoadArrivals, PoissonGapsHaveMeanAndDeviationOfTheRate) {
    const ArrivalPlan plan{.rate = Stages::constant(1000, 100), .kind = ArrivalKind::poisson, .seed = 5};
    const auto times = times_of(Arrivals(plan, 0, 2));
    EXPECT_NEAR(static_cast<double>(times.size()), 50'000, 1000);  // 4.5 standard deviations
    double sum = 0, square_sum = 0;
    for (std::size_t i = 1; i < times.size(); ++i) {
        const auto gap = static_cast<double>(times[i] - times[i - 1]);
        sum += gap;
        square_sum += gap * gap;
    }
    const auto count = static_cast<double>(times.size() - 1);
    const double mean = sum / count;
    EXPECT_NEAR(mean, 2e6, 0.05e6);
    EXPECT_NEAR(std::sqrt(square_sum / count - mean * mean) / mean, 1, 0.05);
    EXPECT_EQ(times_of(Arrivals(plan, 0, 2)), times);  // a second cursor sees the same
}

TEST(LoadTarget, TakesUrlsApart) {
    const Target target = *parse_target("http://[::1]:8080/telemetry?ack=queued#x");
    EXPECT_EQ(target.host, "::1");
    EXPECT_EQ(target.port, 8080);
    EXPECT_EQ(target.host_header, "[::1]:8080");
    EXPECT_EQ(target.path, "/telemetry?ack=queued");
    EXPECT_EQ(parse_target("example.com")->path, "/");
    EXPECT_EQ(parse_target("example.com?a")->path, "/?a");
    EXPECT_EQ(parse_target("example.com")->port, 80);
    EXPECT_EQ(parse_target("localhost:8080/x?u=http://foo")->path, "/x?u=http://foo");
    EXPECT_EQ(parse_target("localhost:8080/x?u=http://foo")->port, 8080);
    EXPECT_FALSE(parse_target("example.com")->is_tls);
    EXPECT_TRUE(parse_target("https://example.com/x")->is_tls);
    EXPECT_EQ(parse_target("https://example.com/x")->port, 443);
    EXPECT_EQ(parse_target("https://example.com/x")->host_header, "example.com");
    EXPECT_EQ(parse_target("https://[::1]:8443")->port, 8443);
    for (const char* url : {"", "http://", "http://:80", "a:b:80", "[::1]80", "https://", "ftp://a", "a:0", "a:70000",
                            "a:x", "http://u@a/", "[::1", "a/ b", "a/\r\n"})
        EXPECT_FALSE(parse_target(url)) << url;
}

RunResult result_of(std::initializer_list<std::int64_t> latencies_ns) {
    RunResult result;
    result.latencies = {make_histogram(), make_histogram(), make_histogram()};
    for (const std::int64_t ns : latencies_ns) hdr_record_value(result.latencies.corrected.get(), ns);
    return result;
}

TEST(LoadThreshold, ComparesWhatItNames) {
    RunResult result = result_of({1'000'000, 2'000'000, 3'000'000, 100'000'000});
    result.totals.responses = 100;
    result.totals.succeeded = 98;
    result.totals.faults[static_cast<std::size_t>(Fault::bad_status)] = 2;
    result.achieved_rate = 1000;
    const auto holds = [&](const char* text) { return evaluate(*parse_threshold(text), result).holds; };
    EXPECT_TRUE(holds("p50<2.1ms"));
    EXPECT_FALSE(holds("p50<1.9ms"));
    EXPECT_FALSE(holds("p99.9<50ms"));
    EXPECT_TRUE(holds("max<101ms"));
    EXPECT_TRUE(holds("avg>20ms"));
    EXPECT_TRUE(holds("errors<=2%"));
    EXPECT_FALSE(holds("errors<2%"));
    EXPECT_TRUE(holds("errors<0.03"));
    EXPECT_TRUE(holds("rate>=980/s"));
    EXPECT_FALSE(holds("rate>980/s"));
}

TEST(LoadThreshold, NothingMeasuredHoldsNothing) {
    const RunResult result = result_of({});
    for (const char* text : {"p99<1s", "avg<1s", "max<1s", "errors<1%", "rate>1/s"})
        EXPECT_FALSE(evaluate(*parse_threshold(text), result).holds) << text;
}

TEST(LoadThreshold, RefusesNonsense) {
    for (const char* text :
         {"", "p99", "p99<", "p0<1s", "p101<1s", "px<1s", "q<1s", "errors<200%", "errors<1s", "rate>1s", "p99<5"})
        EXPECT_FALSE(parse_threshold(text)) << text;
}

}  // namespace
}  // namespace sluice::load
