#include "tools/load/command/summary.hpp"

#include <fmt/format.h>

#include <string>

#include "tools/load/command/figure_text.hpp"
#include "tools/load/plan/units.hpp"

namespace sluice::load {
namespace {

std::string or_none(const std::string& text) { return text.empty() ? "none" : text; }

void write_latencies(const RunResult& result, std::FILE* stream) {
    fmt::print(stream, "  latency      {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "p50", "p90", "p99", "p99.9", "p99.99",
               "max");
    const auto line = [&](const char* name, const Histogram& histogram) {
        fmt::print(stream, "  {:<12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n", name, latency_text(histogram, 50),
                   latency_text(histogram, 90), latency_text(histogram, 99), latency_text(histogram, 99.9),
                   latency_text(histogram, 99.99), latency_text(histogram, 100));
    };
    line("corrected", result.latencies.corrected);
    line("uncorrected", result.latencies.uncorrected);
    line("lag", result.latencies.lag);
    // The part of the lag that is the generator's fault: it is what --max-lag bounds.
    fmt::print(stream, "  own lag p99  {:>9} of the lag, which counts the wait for a free connection, too\n",
               format_ns(result.own_lag_p99_ns));
}

}  // namespace

void write_summary(const RunResult& result, std::FILE* stream) {
    const Counts& totals = result.totals;
    fmt::print(stream, "\n{}\n  {}\n\n", result.target, result.plan);
    if (result.is_open_loop)
        fmt::print(stream, "  rate         {} of {} planned\n", format_rate(result.achieved_rate),
                   format_rate(result.planned_rate));
    else fmt::print(stream, "  rate         {}\n", format_rate(result.achieved_rate));
    fmt::print(stream, "  requests     {} planned, {} sent, {} succeeded, {} failed ({} %)\n", totals.planned,
               totals.sent, totals.succeeded, totals.failed(), format_number(totals.failed_share() * 100, 3));
    // Without --batch a request is a sample, and the line would repeat the one above.
    if (totals.samples != totals.succeeded)
        fmt::print(stream, "  samples      {} ({})\n", totals.samples,
                   format_rate(static_cast<double>(totals.samples) / result.duration_s));
    fmt::print(stream, "  statuses     {}\n", or_none(statuses_text(totals)));
    fmt::print(stream, "  faults       {}\n", or_none(faults_text(totals)));
    fmt::print(stream, "  connections  {} opened\n", totals.connects);
    if (totals.unsolicited != 0)
        fmt::print(stream, "  unsolicited  {} times bytes came that answer no request\n", totals.unsolicited);
    fmt::print(stream, "  load CPU     {} % of a core (busiest thread)\n\n",
               format_number(result.cpu_busiest * 100, 1));
    write_latencies(result, stream);
    if (!result.thresholds.empty()) std::fputc('\n', stream);
    for (const ThresholdResult& threshold : result.thresholds)
        fmt::print(stream, "  {} {} ({})\n", threshold.holds ? "holds " : "MISSED", threshold.text, threshold.measured);
    for (const std::string& reason : result.invalid_reasons) fmt::print(stream, "\n  INVALID: {}\n", reason);
    std::fflush(stream);
}

void write_complaints(const RunResult& result, std::FILE* stream) {
    for (const ThresholdResult& threshold : result.thresholds)
        if (!threshold.holds) fmt::print(stream, "sluice-load: MISSED: {} ({})\n", threshold.text, threshold.measured);
    for (const std::string& reason : result.invalid_reasons) fmt::print(stream, "sluice-load: INVALID: {}\n", reason);
}

}  // namespace sluice::load
