#include "tools/load/command/summary.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <string>

#include "tools/load/plan/threshold.hpp"
#include "tools/load/plan/units.hpp"

namespace sluice::load {
namespace {

// After the end, the last answers may make an interval that says nothing.
constexpr double short_interval_s = 0.5;

std::string latency(const Histogram& histogram, double percentile) {
    if (histogram->total_count == 0) return "-";
    return format_ns(static_cast<std::uint64_t>(hdr_value_at_percentile(histogram.get(), percentile)));
}

// `200: 1234  503: 2`, without the empty ones.
std::string statuses_of(const Counts& counts) {
    std::string text;
    for (std::size_t status = 0; status < counts.statuses.size(); ++status)
        if (counts.statuses[status] != 0)
            text += fmt::format("{}{}: {}", text.empty() ? "" : "  ", status, counts.statuses[status]);
    return text.empty() ? "none" : text;
}

std::string faults_of(const Counts& counts) {
    std::string text;
    for (std::size_t i = 0; i < faults_count; ++i)
        if (counts.faults[i] != 0)
            text += fmt::format("{}{}: {}", text.empty() ? "" : "  ", name_of(static_cast<Fault>(i)), counts.faults[i]);
    return text.empty() ? "none" : text;
}

void write_latencies(const RunResult& result, std::FILE* stream) {
    fmt::print(stream, "  latency      {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "p50", "p90", "p99", "p99.9", "p99.99",
               "max");
    const auto line = [&](const char* name, const Histogram& histogram) {
        fmt::print(stream, "  {:<12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n", name, latency(histogram, 50),
                   latency(histogram, 90), latency(histogram, 99), latency(histogram, 99.9), latency(histogram, 99.99),
                   latency(histogram, 100));
    };
    line("corrected", result.latencies.corrected);
    line("uncorrected", result.latencies.uncorrected);
    line("lag", result.latencies.lag);
    fmt::print(stream, "  own lag p99  {:>9} of the lag, which counts the wait for a free connection, too\n",
               format_ns(result.own_lag_p99_ns));
}

}  // namespace

Progress::Progress(std::FILE* stream) : stream_(stream), is_terminal_(::isatty(::fileno(stream)) == 1) {}

void Progress::on_interval(const Interval& interval) {
    const double seconds = interval.end_s - interval.begin_s;
    if (interval.left_s == 0 && seconds < short_interval_s) return;
    std::string line =
        fmt::format("{:>4.0f} s{} {:>9}  p50 {}  p99 {}  p99.9 {}  lag p99 {}", interval.end_s,
                    interval.is_warmup ? " warm-up" : "",
                    format_rate(seconds > 0 ? static_cast<double>(interval.counts.responses) / seconds : 0),
                    latency(interval.latencies->corrected, 50), latency(interval.latencies->corrected, 99),
                    latency(interval.latencies->corrected, 99.9), latency(interval.latencies->lag, 99));
    if (interval.counts.failed() != 0) line += "  failed " + faults_of(interval.counts);
    if (interval.left_s > 0) line += fmt::format("  {:.0f} s left", interval.left_s);
    // CSI K clears what a longer line before has left.
    if (is_terminal_) fmt::print(stream_, "\r{}\x1b[K", line);
    else fmt::print(stream_, "{}\n", line);
    std::fflush(stream_);
    has_line_ = true;
}

void Progress::on_stopping() {
    finish();
    has_line_ = false;
    fmt::print(stream_,
               "stopping: the last answers have a second to come; Ctrl-C again ends at once, without a report\n");
    std::fflush(stream_);
}

void Progress::finish() {
    if (is_terminal_ && has_line_) std::fputc('\n', stream_);
}

void write_summary(const RunResult& result, std::FILE* stream) {
    const Counts& totals = result.totals;
    fmt::print(stream, "\n{}\n  {}\n\n", result.target, result.plan);
    if (result.is_open_loop)
        fmt::print(stream, "  rate         {} of {} planned\n", format_rate(result.achieved_rate),
                   format_rate(result.planned_rate));
    else fmt::print(stream, "  rate         {}\n", format_rate(result.achieved_rate));
    fmt::print(stream, "  requests     {} planned, {} sent, {} succeeded, {} failed ({} %)\n", totals.planned,
               totals.sent, totals.succeeded, totals.failed(), format_number(error_share(totals) * 100, 3));
    if (totals.samples != totals.succeeded)
        fmt::print(stream, "  samples      {} ({})\n", totals.samples,
                   format_rate(static_cast<double>(totals.samples) / result.duration_s));
    fmt::print(stream, "  statuses     {}\n", statuses_of(totals));
    fmt::print(stream, "  faults       {}\n", faults_of(totals));
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

}  // namespace sluice::load
