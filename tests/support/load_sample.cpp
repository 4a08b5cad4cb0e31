#include "tests/support/load_sample.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <utility>

#include "tools/load/result/percentiles.hpp"

namespace sluice::tests {
namespace {

using load::Counts;
using load::Fault;
using load::Latencies;

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr double last_answer_s = 0.0004;  // after the end

// Of the run, as sluice-load tells it.
struct Span {
    double begin_s, end_s;
    bool is_warmup = false;
    bool is_stalled = false;
};

std::vector<Span> spans_of(const LoadSample& sample) {
    std::vector<Span> spans;
    for (double begin_s = 0; begin_s < sample.warmup_s; ++begin_s)
        spans.push_back({begin_s, std::min(begin_s + 1, sample.warmup_s), true});
    for (unsigned i = 0; i < sample.seconds; ++i)
        spans.push_back({sample.warmup_s + i, sample.warmup_s + i + 1, false, i == sample.stall_at_s});
    return spans;
}

class Simulation {
  public:
    explicit Simulation(const LoadSample& sample)
        : sample_(sample), random_(sample.seed), second_(make_latencies()), total_(make_latencies()) {}

    load::RunResult run(const std::vector<load::Observer*>& observers);

  private:
    static Latencies make_latencies() {
        return {load::make_histogram(), load::make_histogram(), load::make_histogram(), load::make_histogram()};
    }
    Counts simulate(const Span& span);
    Counts last_answer();
    void conclude(const Span& span, Counts counts, const std::vector<load::Observer*>& observers);
    void record(std::int64_t corrected_ns, std::int64_t uncorrected_ns, std::int64_t lag_ns);
    [[nodiscard]] load::Second figures_of(const load::Interval& interval) const;
    void add_to_total(const Counts& counts);

    LoadSample sample_;
    std::mt19937_64 random_;
    Latencies second_, total_;
    Counts totals_;
    std::vector<load::Second> seconds_;
};

void Simulation::record(std::int64_t corrected_ns, std::int64_t uncorrected_ns, std::int64_t lag_ns) {
    ::hdr_record_value(second_.corrected.get(), corrected_ns);
    ::hdr_record_value(second_.uncorrected.get(), uncorrected_ns);
    ::hdr_record_value(second_.lag.get(), lag_ns);
}

Counts Simulation::simulate(const Span& span) {
    std::lognormal_distribution<double> service(std::log(180e3), 0.45);  // ns
    std::lognormal_distribution<double> lag(std::log(9e3), 0.6);
    std::uniform_int_distribution<int> per_thousand(0, 999);
    Counts counts;
    const auto requests_count = static_cast<unsigned>(std::lround(sample_.rate * (span.end_s - span.begin_s)));
    for (unsigned i = 0; i < requests_count; ++i) {
        ++counts.planned;
        ++counts.sent;
        counts.sent_bytes += 260;
        const int chance = per_thousand(random_);
        if (chance == 0) {
            ++counts.faults[static_cast<std::size_t>(Fault::timeout)];
            continue;
        }
        const auto own_ns = static_cast<std::int64_t>(lag(random_));
        const auto service_ns = static_cast<std::int64_t>(service(random_));
        // In the stalled second everything waits for its end; only what was on its way then sees that as the server's
        // delay.
        const std::int64_t wait_ns =
            span.is_stalled ? second_ns - static_cast<std::int64_t>(i) * second_ns / sample_.rate : 0;
        record(own_ns + service_ns + wait_ns, service_ns + (i < 3 ? wait_ns : 0), own_ns);
        ++counts.responses;
        counts.received_bytes += 190;
        if (chance < 3) {
            ::hdr_record_value(second_.failed.get(), own_ns + service_ns + wait_ns);
            ++counts.faults[static_cast<std::size_t>(Fault::bad_status)];
            ++counts.statuses[503];
        } else {
            ++counts.succeeded;
            counts.samples += 10;
            ++counts.statuses[200];
        }
    }
    if (span.begin_s == 0) counts.connects = 100;
    return counts;
}

Counts Simulation::last_answer() {
    record(180'000, 170'000, 10'000);
    Counts counts;
    counts.responses = counts.succeeded = counts.statuses[200] = 1;
    counts.samples = 10;
    counts.received_bytes = 190;
    return counts;
}

load::Second Simulation::figures_of(const load::Interval& interval) const {
    const Counts& counts = interval.counts;
    return {.begin_s = interval.begin_s,
            .end_s = interval.end_s,
            .is_warmup = interval.is_warmup,
            .planned = counts.planned,
            .sent = counts.sent,
            .responses = counts.responses,
            .failed = counts.failed(),
            .p50_ns = load::value_at_ns(second_.corrected, 50),
            .p90_ns = load::value_at_ns(second_.corrected, 90),
            .p99_ns = load::value_at_ns(second_.corrected, 99),
            .p999_ns = load::value_at_ns(second_.corrected, 99.9),
            .max_ns = load::value_at_ns(second_.corrected, 100),
            .uncorrected_p99_ns = load::value_at_ns(second_.uncorrected, 99),
            .lag_p99_ns = load::value_at_ns(second_.lag, 99),
            .open_connections_count = interval.open_connections_count};
}

void Simulation::add_to_total(const Counts& counts) {
    totals_.add(counts);
    ::hdr_add(total_.corrected.get(), second_.corrected.get());
    ::hdr_add(total_.uncorrected.get(), second_.uncorrected.get());
    ::hdr_add(total_.lag.get(), second_.lag.get());
    ::hdr_add(total_.failed.get(), second_.failed.get());
}

void Simulation::conclude(const Span& span, Counts counts, const std::vector<load::Observer*>& observers) {
    const load::Interval interval{.begin_s = span.begin_s,
                                  .end_s = span.end_s,
                                  .is_warmup = span.is_warmup,
                                  .open_connections_count = 100,
                                  .counts = counts,
                                  .latencies = &second_,
                                  .left_s = std::max(0.0, sample_.warmup_s + sample_.seconds - span.end_s)};
    for (load::Observer* observer : observers) observer->on_interval(interval);
    seconds_.push_back(figures_of(interval));
    if (!interval.is_warmup) add_to_total(interval.counts);
    for (const load::Histogram* histogram : {&second_.corrected, &second_.uncorrected, &second_.lag, &second_.failed}) {
        ::hdr_reset(histogram->get());
    }
}

load::RunResult Simulation::run(const std::vector<load::Observer*>& observers) {
    for (load::Observer* observer : observers) observer->on_begin(sample_.began_at_ms);
    for (const Span& span : spans_of(sample_)) {
        Counts counts = simulate(span);
        // What is answered after the end was sent before it.
        if (!span.is_warmup && span.end_s == sample_.warmup_s + sample_.seconds) ++counts.planned, ++counts.sent;
        conclude(span, counts, observers);
    }
    const double end_s = sample_.warmup_s + sample_.seconds;
    conclude({end_s, end_s + last_answer_s}, last_answer(), observers);
    load::RunResult result;
    result.seconds = std::move(seconds_);
    result.environment = {
        .version = "0.1.0",
        .commit = "0123abcd",
        .host = "reference",
        .cpu = "Example CPU @ 2.50GHz",
        .kernel = "Linux 6.18.5 x86_64",
        .cores_count = 2,
        .command_line = "sluice-load http://127.0.0.1:8080/telemetry --rate 2000/s --header 'X: <b>&\"</b>'",
        .server_command_line = "sluice serve --listen 127.0.0.1:8080"};
    result.began_at_ms = sample_.began_at_ms;
    result.target = "http://127.0.0.1:8080/telemetry?<script>alert(1)</script>";
    result.plan = "open loop, " + std::to_string(sample_.rate) + "/s poisson, " + std::to_string(sample_.seconds) +
                  " s, 100 connections on 1 thread";
    result.duration_s = sample_.seconds;
    result.warmup_s = sample_.warmup_s;
    result.planned_rate = sample_.rate;
    result.achieved_rate = static_cast<double>(totals_.responses) / sample_.seconds;
    result.cpu_busiest = 0.43;
    result.totals = totals_;
    result.latencies = std::move(total_);
    result.thresholds = {{"p95<200ms", "0.4 ms", true}, {"errors<0.1%", "0.3 %", false}};
    if (!sample_.is_valid) result.invalid_reasons = {"The lag's p99 was 2.1 ms; more than 1 ms is not trusted."};
    return result;
}

}  // namespace

load::RunResult sample_run(const LoadSample& sample, const std::vector<load::Observer*>& observers) {
    return Simulation(sample).run(observers);
}

}  // namespace sluice::tests
