// What a run comes to: thresholds judged on successes, runs that failed, endpoints with figures of their own.
// runs: release long: asan
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "tools/load/plan/endpoint_rows.hpp"
#include "tools/load/plan/threshold.hpp"

namespace sluice::load {
namespace {

struct Requests {
    std::initializer_list<std::int64_t> succeeded_ns, failed_ns;
    Fault fault = Fault::bad_status;
};

RunResult result_of(const Requests& requests) {
    RunResult result;
    result.latencies = {make_histogram(), make_histogram(), make_histogram(), make_histogram()};
    for (const std::int64_t ns : requests.succeeded_ns) hdr_record_value(result.latencies.corrected.get(), ns);
    for (const std::int64_t ns : requests.failed_ns)
        for (const Histogram* histogram : {&result.latencies.corrected, &result.latencies.failed})
            hdr_record_value(histogram->get(), ns);
    result.totals.succeeded = requests.succeeded_ns.size();
    result.totals.faults[static_cast<std::size_t>(requests.fault)] = requests.failed_ns.size();
    result.totals.responses = requests.succeeded_ns.size() + requests.failed_ns.size();
    if (requests.fault == Fault::bad_status) result.totals.statuses[405] = requests.failed_ns.size();
    return result;
}

TEST(LoadThreshold, ALatencyIsThatOfSuccesses) {
    const RunResult slow = result_of({.succeeded_ns = {8'000'000, 9'000'000}, .failed_ns = {10'000}});
    const RunResult refused = result_of({.succeeded_ns = {}, .failed_ns = {10'000, 10'000}});
    const RunResult timed_out =
        result_of({.succeeded_ns = {1'000'000, 1'000'000}, .failed_ns = {900'000'000}, .fault = Fault::timeout});
    for (const char* text : {"p50<1ms", "p99<1ms", "avg<1ms", "max<1ms"}) {
        EXPECT_FALSE(evaluate(*parse_threshold(text), slow).holds) << text;
        EXPECT_FALSE(evaluate(*parse_threshold(text), refused).holds) << text;
    }
    for (const char* text : {"p99<2ms", "avg<2ms", "max<2ms"})
        EXPECT_TRUE(evaluate(*parse_threshold(text), timed_out).holds) << text;
    EXPECT_EQ(evaluate(*parse_threshold("p99<2ms"), timed_out).measured, "1 ms of successes, 900 ms of all");
    EXPECT_EQ(evaluate(*parse_threshold("p99<2ms"), refused).measured, "no success, 10 us of all");
    EXPECT_EQ(evaluate(*parse_threshold("max<2s"), result_of({.succeeded_ns = {1'000'000}, .failed_ns = {}})).measured,
              "1 ms");
}

TEST(LoadVerdict, ARunInWhichMostRequestsFailHasFailed) {
    const auto failure = [](const Requests& requests, std::vector<const char*> thresholds = {}) {
        std::vector<Threshold> parsed;
        for (const char* text : thresholds) parsed.push_back(*parse_threshold(text));
        return failure_of(parsed, result_of(requests));
    };
    EXPECT_EQ(failure({.succeeded_ns = {1}, .failed_ns = {1, 1}}),
              "2 of 3 requests failed (bad_status: 2; statuses 405: 2).");
    EXPECT_EQ(failure({.succeeded_ns = {1}, .failed_ns = {1}}), "") << "half is not more than half";
    EXPECT_EQ(failure({.succeeded_ns = {}, .failed_ns = {}}), "") << "nothing was asked for";
    EXPECT_NE(failure({.succeeded_ns = {1}, .failed_ns = {1, 1}}, {"p99<1s"}), "");
    EXPECT_EQ(failure({.succeeded_ns = {1}, .failed_ns = {1, 1}}, {"errors<=100%"}), "") << "the user says";
    EXPECT_EQ(failure({.succeeded_ns = {1}, .failed_ns = {1, 1}, .fault = Fault::interrupted}), "");
    EXPECT_EQ(failure({.succeeded_ns = {1}, .failed_ns = {1, 1}, .fault = Fault::never_sent}), "");
    EXPECT_NE(failure({.succeeded_ns = {}, .failed_ns = {1, 1}, .fault = Fault::never_sent}), "") << "none succeeded";
    EXPECT_EQ(failure({.succeeded_ns = {}, .failed_ns = {1, 1}, .fault = Fault::interrupted}), "");
}

TEST(LoadVerdict, FailedComesBeforeInvalidAndThatBeforeMissed) {
    RunResult result;
    EXPECT_EQ(result.verdict(), Verdict::ok);
    result.thresholds.push_back({.text = "p99<1s", .measured = "2 s", .holds = false});
    EXPECT_EQ(result.verdict(), Verdict::missed);
    result.invalid_reasons.emplace_back("The generator was late.");
    EXPECT_EQ(result.verdict(), Verdict::invalid);
    result.failure = "All failed.";
    EXPECT_EQ(result.verdict(), Verdict::failed);
    EXPECT_EQ(name_of(Verdict::failed), "failed");
}

TEST(LoadEndpoints, ThoseOfOneNameShareARow) {
    RunPlan plan;
    plan.endpoints.resize(3);
    EXPECT_TRUE(endpoint_rows_of(plan).names.empty()) << "POST / three times is what the totals say";
    plan.endpoints[1].path = "/b";
    EXPECT_EQ(endpoint_rows_of(plan).names, (std::vector<std::string>{"POST /", "POST /b"}));
    plan.endpoints[0].name = plan.endpoints[2].name = "ingest";
    EXPECT_EQ(endpoint_rows_of(plan).names, (std::vector<std::string>{"ingest", "POST /b"}));
    EXPECT_EQ(endpoint_rows_of(plan).row_by_endpoint, (std::vector<std::uint16_t>{0, 1, 0}));
}

}  // namespace
}  // namespace sluice::load
