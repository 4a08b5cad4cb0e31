// What /metrics and /status show of one moment of the engine, and the bodies of /health, /ready and errors.
// runs: release asan
#include "engine/admin/engine_view.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/admin/answer.hpp"
#include "engine/admin/prometheus.hpp"
#include "engine/admin/status_json.hpp"
#include "engine/config/keys.hpp"
#include "engine/core/clock.hpp"
#include "engine/core/descriptor.hpp"
#include "sinks/null/null_sink.hpp"

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

class EngineViewTest : public testing::Test {
  protected:
    EngineViewTest() {
        config.io.backend = config::IoBackend::epoll;  // main has chosen one by then
        for (const unsigned core : {2u, 5u}) {
            reactors.push_back(std::make_unique<Snapshot>());
            reactors.back()->core = core;
        }
    }
    [[nodiscard]] EngineView view() const {
        EngineView view{config, state, ready, 2'500'000'000, 1'000, reactors, {}, {}, {}, process};
        view.sinks.push_back({"0", signal, {delivery, nullptr, nullptr, nullptr, &cluster, nullptr}, "", nodes});
        return view;
    }
    [[nodiscard]] std::string metrics() const { return render_metrics(view()); }
    [[nodiscard]] Json status() const { return Json::parse(render_status(view())); }
    [[nodiscard]] bool shows(std::string_view line) const {
        return ("\n" + metrics()).find("\n" + std::string(line) + "\n") != std::string::npos;
    }

    config::Config config = config::default_config();
    EngineState state;
    ReadinessState ready;
    ProcessFigures process;
    std::vector<std::unique_ptr<Snapshot>> reactors;
    sinks::SinkSignal signal;
    sinks::DeliveryFigures delivery;
    sinks::ClusterFigures cluster;
    std::vector<sinks::NodeView> nodes;
};

TEST_F(EngineViewTest, AFamilyHasOneHelpAndASeriesForEachReactor) {
    reactors[0]->coding.bodies[1] = 7;
    reactors[1]->coding.bodies[1] = 8;
    EXPECT_NE(metrics().find("# HELP sluice_compressed_bodies_total Compressed bodies that were decompressed whole.\n"
                             "# TYPE sluice_compressed_bodies_total counter\n"
                             "sluice_compressed_bodies_total{core=\"2\",coding=\"gzip\"} 7\n"
                             "sluice_compressed_bodies_total{core=\"5\",coding=\"gzip\"} 8\n"
                             "# HELP"),
              std::string::npos);
}

TEST_F(EngineViewTest, FormatsAreToldApart) {
    reactors[0]->samples[IngestFormat::otlp].received = 7;
    reactors[0]->http.formats[IngestFormat::none].requests = 2;
    reactors[0]->http.formats[IngestFormat::otlp].requests = 3;
    const auto paused = static_cast<std::size_t>(Refusal::paused);
    reactors[1]->http.formats[IngestFormat::otlp].refusals[paused] = 1;
    reactors[1]->http.formats[IngestFormat::json].refusals[paused] = 1;
    EXPECT_TRUE(shows("sluice_samples_received_total{core=\"2\",format=\"otlp\"} 7"));
    EXPECT_TRUE(shows("sluice_samples_received_total{core=\"5\",format=\"json\"} 0"));
    EXPECT_EQ(metrics().find("sluice_samples_received_total{core=\"2\",format=\"none\"}"), std::string::npos);
    EXPECT_TRUE(shows("sluice_http_requests_total{core=\"2\",format=\"none\"} 2"));
    EXPECT_TRUE(shows("sluice_http_requests_refused_total{core=\"5\",format=\"otlp\",reason=\"paused\"} 1"));
    const Json json = status();
    EXPECT_EQ(json["formats"].size(), ingest_formats_count);
    EXPECT_EQ(json["formats"]["none"]["requests"], 2);
    EXPECT_FALSE(json["formats"]["none"].contains("samples"));
    EXPECT_EQ(json["formats"]["otlp"]["requests"], 3);
    EXPECT_EQ(json["formats"]["otlp"]["requests_refused"].dump(), R"({"paused":1})");
    EXPECT_EQ(json["formats"]["otlp"]["samples"]["received"], 7);
    EXPECT_EQ(json["formats"]["otlp"]["is_conserved"], false) << "and nothing became of them";
    EXPECT_EQ(json["formats"]["json"]["is_conserved"], true);
    EXPECT_EQ(json["samples"]["received"], 7);
    EXPECT_EQ(json["reactors"][0]["requests"], 5);
    EXPECT_EQ(json["reactors"][0]["is_conserved"], false);
    EXPECT_EQ(json["reactors"][1]["requests_refused"].dump(), R"({"paused":2})");
}

TEST_F(EngineViewTest, StagesHaveAFormat) {
    reactors[0]->latency.record(Stage::decode, IngestFormat::json, 0, 15'000);
    reactors[1]->latency.record(Stage::decode, IngestFormat::influx, 0, 15'000, 2);
    EXPECT_TRUE(shows("sluice_stage_seconds_count{core=\"2\",stage=\"decode\",format=\"json\"} 1"));
    EXPECT_TRUE(shows("sluice_stage_seconds_bucket{core=\"5\",stage=\"decode\",format=\"influx\",le=\"2e-05\"} 2"));
    reactors[0]->latency.record(Stage::sink, IngestFormat::json, 0, 15'000, 4);
    EXPECT_TRUE(shows("sluice_stage_seconds_count{core=\"2\",stage=\"sink\",format=\"json\"} 4"));
    EXPECT_TRUE(shows("sluice_stage_seconds_count{core=\"2\",stage=\"sink\"} 0")) << "batches of several formats";
    EXPECT_EQ(metrics().find("stage=\"sink\",format=\"none\""), std::string::npos);
    EXPECT_EQ(metrics().find("stage=\"respond\""), std::string::npos) << "there is none";
    const Json json = status();
    EXPECT_EQ(json["latency"]["stages"]["decode"]["count"], 3);
    EXPECT_EQ(json["formats"]["influx"]["stages"]["decode"]["count"], 2);
    EXPECT_EQ(json["formats"]["influx"]["stages"].size(), stages_count);
    EXPECT_EQ(json["formats"]["json"]["stages"]["sink"]["count"], 4);
}

TEST_F(EngineViewTest, RowsOfOneFamilyHaveOneHelp) {
    reactors[1]->http.responses[5] = 3;
    const std::string text = metrics();
    const std::size_t first = text.find("# TYPE sluice_http_responses_total counter\n");
    ASSERT_NE(first, std::string::npos);
    EXPECT_EQ(text.find("# TYPE sluice_http_responses_total", first + 1), std::string::npos);
    EXPECT_TRUE(shows("sluice_http_responses_total{core=\"5\",class=\"5xx\"} 3"));
}

TEST_F(EngineViewTest, TimesAreSeconds) {
    reactors[0]->loop.iteration_ns_max = 1'500'000;
    EXPECT_TRUE(shows("sluice_uptime_seconds 2.5"));
    EXPECT_TRUE(shows("sluice_loop_iteration_seconds_max{core=\"2\"} 0.0015"));
    EXPECT_EQ(status()["uptime_s"], 2.5);
    EXPECT_EQ(status()["reactors"][0]["loop_iteration_us_max"], 1500.0);
}

TEST_F(EngineViewTest, IterationsOfALoopAreAHistogram) {
    reactors[0]->loop_iterations.record(15'000);
    reactors[0]->loop_iterations.record(1'900'000);
    reactors[0]->loop_iterations.record(11'000'000'000);
    EXPECT_TRUE(shows("sluice_loop_iteration_seconds_bucket{core=\"2\",le=\"1e-05\"} 0"));
    EXPECT_TRUE(shows("sluice_loop_iteration_seconds_bucket{core=\"2\",le=\"2e-05\"} 1"));
    EXPECT_TRUE(shows("sluice_loop_iteration_seconds_bucket{core=\"2\",le=\"0.002\"} 2"));
    EXPECT_TRUE(shows("sluice_loop_iteration_seconds_bucket{core=\"2\",le=\"10\"} 2"));
    EXPECT_TRUE(shows("sluice_loop_iteration_seconds_bucket{core=\"2\",le=\"+Inf\"} 3"));
    EXPECT_TRUE(shows("sluice_loop_iteration_seconds_sum{core=\"2\"} 11.001915"));
    EXPECT_TRUE(shows("sluice_loop_iteration_seconds_count{core=\"2\"} 3"));
    EXPECT_TRUE(shows("sluice_loop_iteration_seconds_count{core=\"5\"} 0"));
}

TEST_F(EngineViewTest, ReasonsThatNeverOccurredAreLeftOut) {
    reactors[0]->samples[IngestFormat::json].rejected[static_cast<std::size_t>(Refusal::sample_too_large)] = 4;
    EXPECT_TRUE(shows("sluice_samples_rejected_total{core=\"2\",format=\"json\",reason=\"sample_too_large\"} 4"));
    EXPECT_EQ(metrics().find("sluice_samples_rejected_total{core=\"5\""), std::string::npos);
    EXPECT_TRUE(shows("sluice_samples_dropped_total{core=\"2\",format=\"json\",reason=\"sink_refused\"} 0"));
    EXPECT_EQ(status()["samples"]["rejected"].dump(), R"({"sample_too_large":4})");
    EXPECT_EQ(status()["samples"]["dropped"].dump(), "{}");
}

TEST_F(EngineViewTest, OneStateOfSeveralIsOneOrAWord) {
    delivery.state = sinks::SinkState::stalled;
    EXPECT_TRUE(shows("sluice_sink_state{sink=\"0\",state=\"connecting\"} 0"));
    EXPECT_TRUE(shows("sluice_sink_state{sink=\"0\",state=\"stalled\"} 1"));
    EXPECT_EQ(status()["sinks"][0]["state"], "stalled");
}

TEST_F(EngineViewTest, StatusBeginsWithTheMembersOfTelemetryHub) {
    const Json json = status();
    std::vector<std::string> names;
    for (const auto& member : json.items()) names.push_back(member.key());
    ASSERT_GE(names.size(), 3u);
    EXPECT_EQ(names[0], "state");
    EXPECT_EQ(names[1], "latest_sample");
    EXPECT_EQ(names[2], "metrics");
    EXPECT_EQ(status()["metrics"].dump(),
              R"({"samples_processed":0,"samples_dropped":0,"pool_jobs_processed":0,"pool_jobs_queued":0,)"
              R"("pool_num_threads":2})");
}

// Byte for byte: a parser would write 27.30 as 27.3, and lose digits of the long number.
TEST_F(EngineViewTest, TheLatestSampleIsShownAsItCame) {
    EXPECT_EQ(status()["latest_sample"], nullptr);
    const std::string begin =
        R"({ "device_id":"d","type":"t","value":12345678901234567.890,"x":[27.30,1E2,"\u0041"],"s":")";
    for (const std::size_t bytes : {begin.size() + 2, std::size_t{1025}, limits::sample_bytes_max}) {
        const std::string sample = begin + std::string(bytes - begin.size() - 2, 'y') + "\"}";
        LatestSample& latest = reactors[1]->latest;
        sample.copy(latest.text.data(), sample.size());
        latest.bytes = sample.size();
        latest.arrival_ns = 17;
        const std::string text = render_status(view());
        const std::string member = "\"latest_sample\":";
        ASSERT_NE(text.find(member), std::string::npos);
        EXPECT_EQ(text.substr(text.find(member) + member.size(), sample.size() + 1), sample + ",");
        EXPECT_EQ(status()["latest_sample"]["device_id"], "d") << "and the page is JSON";
    }
}

TEST_F(EngineViewTest, FiguresOfAllReactorsAreSums) {
    for (const auto& reactor : reactors) {
        reactor->samples[IngestFormat::json].delivered = 2;
        reactor->samples[IngestFormat::influx].delivered = 3;
        reactor->in_flight_samples[IngestFormat::json] = 2;
        reactor->latency.record(Stage::sink, IngestFormat::none, 1'000, 3'000);
    }
    EXPECT_EQ(status()["metrics"]["samples_processed"], 10);
    EXPECT_EQ(status()["samples"]["in_flight"], 4);
    EXPECT_EQ(status()["latency"]["stages"]["sink"]["count"], 2);
    EXPECT_NEAR(status()["latency"]["stages"]["sink"]["max_us"].get<double>(), 2.0, 0.02);
}

TEST_F(EngineViewTest, WhatIsNotConfiguredIsAbsent) {
    for (const char* name : {"sluice_admission", "sluice_cluster", "sluice_forwarder", "sluice_idempotency",
                             "sluice_journal", "sluice_sink_waits"})
        EXPECT_EQ(metrics().find(name), std::string::npos) << name;
    for (const char* member : {"admission", "forwarder", "idempotency"}) EXPECT_FALSE(status().contains(member));
    for (const char* member : {"journal", "replication", "cluster"})
        EXPECT_FALSE(status()["sinks"][0].contains(member));
    EXPECT_FALSE(status()["sinks"][0]["breaker"].contains("retry_in_s"));
}

TEST_F(EngineViewTest, AnUnknownFigureHasNoSeriesAndIsNull) {
    state.gauges.is_on = true;
    state.gauges.length_sum.set(12);
    EXPECT_TRUE(shows("sluice_stream_entries 12"));
    EXPECT_NE(metrics().find("# TYPE sluice_group_lag_entries gauge\n# HELP"), std::string::npos);
    EXPECT_EQ(status()["admission"]["stream_length"], 12);
    EXPECT_TRUE(status()["admission"]["group_lag"].is_null());
    EXPECT_TRUE(status()["admission"]["passed_bound"].is_null());
    state.gauges.passed = watch::PassedBound::stream_full;
    EXPECT_EQ(status()["admission"]["passed_bound"], info_of(Refusal::stream_full).code);
    EXPECT_TRUE(shows("sluice_admission_bound_passed{code=\"stream_full\"} 1"));
    EXPECT_TRUE(shows("sluice_admission_bound_passed{code=\"redis_memory\"} 0"));
}

TEST_F(EngineViewTest, NodesOfAClusterAreToldApart) {
    config.sink.url.kind = config::SinkKind::redis_cluster;
    nodes = {{"10.0.0.1:6379", sinks::SinkState::ready, 5}, {"10.0.0.2:6379", sinks::SinkState::connecting, 3}};
    EXPECT_TRUE(shows("sluice_cluster_node_ready{node=\"10.0.0.1:6379\"} 1"));
    EXPECT_TRUE(shows("sluice_cluster_node_partitions{node=\"10.0.0.2:6379\"} 3"));
    EXPECT_TRUE(shows("sluice_cluster_partitions_away 0"));
    EXPECT_EQ(status()["sinks"][0]["cluster"]["nodes"][1].dump(),
              R"({"address":"10.0.0.2:6379","state":"connecting","partitions":3})");
}

TEST_F(EngineViewTest, BuildInfoNamesVersionCommitAndBackend) {
    const std::string text = metrics();
    const std::size_t at = text.find("\nsluice_build_info{version=\"" SLUICE_VERSION "\",commit=\"");
    ASSERT_NE(at, std::string::npos);
    EXPECT_TRUE(text.substr(0, text.find('\n', at + 1)).ends_with("\",backend=\"epoll\"} 1"));
}

TEST_F(EngineViewTest, FiguresOfTheProcessHaveTheNamesOfPrometheus) {
    process.cpu_ns = 1'250'000'000;
    process.start_ns = 1'795'465'865'500'000'000;
    process.open_fds_count = 17;
    EXPECT_TRUE(shows("process_cpu_seconds_total 1.25"));
    EXPECT_TRUE(shows("process_start_time_seconds 1795465865.5"));
    EXPECT_TRUE(shows("process_open_fds 17"));
    EXPECT_EQ(metrics().find("\nprocess_virtual_memory_max_bytes"), std::string::npos) << "there is no limit";
}

TEST(ProcessFigures, AreThoseOfThisProcess) {
    const ProcessFigures figures = read_process_figures();
    const Descriptor one_more(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(read_process_figures().open_fds_count, *figures.open_fds_count + 1);
    EXPECT_GT(figures.cpu_ns.value(), 0u);
    EXPECT_GE(figures.threads_count.value(), 1u);
    EXPECT_GT(figures.resident_bytes.value(), 100'000u);
    EXPECT_GE(figures.virtual_bytes.value(), *figures.resident_bytes);
    EXPECT_GT(figures.fds_count_max.value(), *figures.open_fds_count);
    const auto now_ns = static_cast<std::uint64_t>(unix_ns());
    // The kernel's start is known to a second.
    EXPECT_LE(figures.start_ns.value(), now_ns + 2'000'000'000);
    EXPECT_GE(*figures.start_ns, now_ns - 3600 * std::uint64_t{1'000'000'000});
}

TEST_F(EngineViewTest, ABreakerThatWaitsSaysForHowLong) {
    signal.breaker_retry_ns = 1'000 + 500'000'000;
    EXPECT_EQ(status()["sinks"][0]["breaker"]["retry_in_s"], 0.5);
    signal.breaker_retry_ns = 1;
    EXPECT_EQ(status()["sinks"][0]["breaker"]["retry_in_s"], 0.0);
}

// --- bodies --------------------------------------------------------------------------------------------------------

TEST(AdminAnswer, Bodies) {
    EXPECT_EQ(health_answer().body, R"({"status":"ok"})");
    EXPECT_EQ(ready_answer({}).body, R"({"status":"ready"})");
    const AdminAnswer refused = refusal_answer(Refusal::not_paused);
    EXPECT_EQ(refused.status, info_of(Refusal::not_paused).status);
    EXPECT_EQ(refused.body, R"({"ok":false,"error":")" + std::string(info_of(Refusal::not_paused).sentence) +
                                R"(","code":"not_paused"})");
}

TEST(AdminAnswer, NotReadySaysWhy) {
    const AdminAnswer answer = ready_answer({false, "not_ready", "The sink is connecting.", "open"});
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.body, R"({"ok":false,"status":"not ready","error":"The sink is connecting.","code":"not_ready",)"
                           R"("breaker":"open"})");
}

// A sink that is connected and has nothing to do.
class ReadySink final : private sinks::CompletionPort {
  public:
    SinkThread thread{sinks::make_null_sink(*this), 1, 1};

  private:
    void settle(Batch&, Settlement) override {}
};

TEST(Readiness, DrainingPausedAndRedisBeyondItsBounds) {
    EngineState state;
    ReadySink sink;
    const Readiness readiness(state, sink.thread);
    EXPECT_TRUE(readiness.state().is_ready);
    EXPECT_EQ(readiness.state().reason, "");
    state.gauges.refused_for = watch::PassedBound::consumers_behind;
    EXPECT_EQ(readiness.state().code, "consumers_behind");
    state.is_paused = true;
    EXPECT_EQ(readiness.state().code, "paused");
    state.is_draining = true;
    EXPECT_EQ(readiness.state().code, "draining");
    EXPECT_FALSE(readiness.state().is_ready);
}

}  // namespace
}  // namespace sluice
