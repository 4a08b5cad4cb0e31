#include "tools/load/command/summary.hpp"

#include <algorithm>
#include <string>

#include "tools/load/command/figure_text.hpp"
#include "tools/load/plan/units.hpp"
#include "tools/load/report/print_to.hpp"
#include "tools/load/result/counts_text.hpp"
#include "tools/load/result/percentiles.hpp"

namespace sluice::load {
namespace {

constexpr const char* how_to_allow = "--threshold 'errors<N%' says how many may fail.";

std::string or_none(const std::string& text) { return text.empty() ? "none" : text; }

// Users of a closed loop send when they are ready: no request is planned.
void write_counts(const RunResult& result, std::FILE* stream) {
    const Counts& totals = result.totals;
    if (result.is_open_loop)
        print_to(stream, "  rate         {} of {} planned\n  requests     {} planned, ",
                 format_rate(result.achieved_rate), format_rate(result.planned_rate), totals.planned);
    else print_to(stream, "  rate         {}\n  requests     ", format_rate(result.achieved_rate));
    print_to(stream, "{} sent, {} succeeded, {} failed ({} %)\n", totals.sent, totals.succeeded, totals.failed(),
             format_number(totals.failed_share() * 100, 3));
    // Without --batch a request is a sample, and the line would repeat the one above.
    if (totals.samples != totals.succeeded)
        print_to(stream, "  samples      {} ({})\n", totals.samples,
                 format_rate(static_cast<double>(totals.samples) / result.duration_s));
    print_to(stream, "  statuses     {}\n", or_none(statuses_text(totals)));
    // Other servers do not say it.
    if (const std::string acks = acks_text(totals); !acks.empty()) print_to(stream, "  acknowledged {}\n", acks);
    print_to(stream, "  faults       {}\n", or_none(faults_text(totals)));
    print_to(stream, "  connections  {} opened\n", totals.connects);
    if (totals.unsolicited != 0)
        print_to(stream, "  unsolicited  {} bytes came that answer no request\n", counted(totals.unsolicited, "time"));
    print_to(stream, "  load CPU     {} % of a core (busiest thread)\n\n", format_number(result.cpu_busiest * 100, 1));
}

void write_latencies(const RunResult& result, std::FILE* stream) {
    print_to(stream, "  latency      {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "p50", "p90", "p99", "p99.9", "p99.99",
             "max");
    const auto line = [&](const char* name, const Histogram& histogram) {
        print_to(stream, "  {:<12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n", name, latency_text(histogram, 50),
                 latency_text(histogram, 90), latency_text(histogram, 99), latency_text(histogram, 99.9),
                 latency_text(histogram, 99.99), latency_text(histogram, 100));
    };
    const Latencies& latencies = result.latencies;
    line("corrected", latencies.corrected);
    // What thresholds are judged on. Without failures both are the same.
    if (count_of(latencies.failed) != 0) line("of successes", difference_of(latencies.corrected, latencies.failed));
    line("uncorrected", latencies.uncorrected);
    line("lag", latencies.lag);
    // It is what --max-lag bounds.
    print_to(stream,
             "  own lag p99  {:>9}: the delay of sluice-load itself; the rest of the lag waited for a connection\n",
             format_ns(result.own_lag_p99_ns));
}

constexpr std::size_t endpoint_columns_min = 12;

void write_endpoints(const RunResult& result, std::FILE* stream) {
    if (result.endpoints.empty()) return;
    std::size_t width = endpoint_columns_min;
    for (const EndpointFigures& endpoint : result.endpoints) width = std::max(width, endpoint.name.size());
    print_to(stream, "\n  {:<{}} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "endpoint", width, "sent", "failed",
             "p50", "p90", "p99", "p99.9", "max");
    for (const EndpointFigures& endpoint : result.endpoints) {
        const Histogram& corrected = endpoint.corrected;
        print_to(stream, "  {:<{}} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n", endpoint.name, width,
                 endpoint.counts.sent, endpoint.counts.failed(), latency_text(corrected, 50),
                 latency_text(corrected, 90), latency_text(corrected, 99), latency_text(corrected, 99.9),
                 latency_text(corrected, 100));
    }
}

std::string_view verified_text(const TlsFigures& tls) {
    return tls.is_verified ? "the server's certificate was verified" : "the server's certificate was NOT verified";
}

void write_tls(const RunResult& result, std::FILE* stream) {
    if (!result.tls) return;
    const TlsFigures& tls = *result.tls;
    print_to(stream, "\n  TLS          {}; {}\n", tls.agreed.empty() ? "no handshake was completed" : tls.agreed,
             verified_text(tls));
    print_to(stream, "  {:<12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "handshakes", "count", "rate", "p50", "p90",
             "p99", "max");
    const auto line = [&](const char* name, const Histogram& histogram, const std::string& rate) {
        print_to(stream, "  {:<12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n", name, count_of(histogram), rate,
                 latency_text(histogram, 50), latency_text(histogram, 90), latency_text(histogram, 99),
                 latency_text(histogram, 100));
    };
    const auto rate = [&](const Histogram& histogram) {
        return format_rate(static_cast<double>(count_of(histogram)) / result.duration_s);
    };
    line("full", tls.handshakes.full, rate(tls.handshakes.full));
    line("resumed", tls.handshakes.resumed, rate(tls.handshakes.resumed));
    line("before start", tls.before_run, "-");
    for (const TlsFigures::Failure& failure : tls.failures)
        print_to(stream, "  TLS failed   {}: {}\n", counted(failure.count, "time"), failure.sentence);
}

}  // namespace

void write_summary(const RunResult& result, std::FILE* stream) {
    print_to(stream, "\n{}\n  {}\n\n", result.target, result.plan);
    write_counts(result, stream);
    write_latencies(result, stream);
    write_endpoints(result, stream);
    write_tls(result, stream);
    if (!result.thresholds.empty()) put(stream, "\n");
    for (const ThresholdResult& threshold : result.thresholds)
        print_to(stream, "  {} {} ({})\n", threshold.holds ? "holds " : "MISSED", threshold.text, threshold.measured);
    for (const std::string& reason : result.invalid_reasons) print_to(stream, "\n  INVALID: {}\n", reason);
    if (!result.failure.empty()) print_to(stream, "\n  FAILED: {} {}\n", result.failure, how_to_allow);
    std::fflush(stream);
}

void write_complaints(const RunResult& result, std::FILE* stream) {
    for (const ThresholdResult& threshold : result.thresholds)
        if (!threshold.holds) print_to(stream, "sluice-load: MISSED: {} ({})\n", threshold.text, threshold.measured);
    for (const std::string& reason : result.invalid_reasons) print_to(stream, "sluice-load: INVALID: {}\n", reason);
    if (!result.failure.empty()) print_to(stream, "sluice-load: FAILED: {} {}\n", result.failure, how_to_allow);
}

}  // namespace sluice::load
