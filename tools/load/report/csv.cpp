#include "tools/load/report/csv.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <numeric>

#include "tools/load/report/output_file.hpp"
#include "tools/load/result/percentiles.hpp"

namespace sluice::load {
namespace {

constexpr std::size_t status_classes_count = 5;  // 1xx to 5xx

std::uint64_t of_class(const Counts& counts, std::size_t status_class) {
    const auto begin = counts.statuses.begin() + static_cast<std::ptrdiff_t>(100 * status_class);
    return std::accumulate(begin, begin + 100, std::uint64_t{0});
}

// Empty without a value: a second without answers must not look like a latency of 0 ns.
std::string latency_cell(const Histogram& histogram, double percentile) {
    return count_of(histogram) == 0 ? std::string() : std::to_string(value_at_ns(histogram, percentile));
}

// RFC 4180, 2.5 to 2.7.
std::string quoted_cell(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string cell = "\"";
    for (const char c : text) cell.append(c == '"' ? 2 : 1, c);
    return cell + "\"";
}

constexpr std::array endpoint_columns{"sent",   "responses", "succeeded", "failed",
                                      "p50_ns", "p99_ns",    "p99.9_ns",  "max_ns"};

void append_endpoint(std::string& line, const EndpointFigures& endpoint) {
    const Counts& counts = endpoint.counts;
    fmt::format_to(std::back_inserter(line), ",{},{},{},{},{},{},{},{}", counts.sent, counts.responses,
                   counts.succeeded, counts.failed(), latency_cell(endpoint.corrected, 50),
                   latency_cell(endpoint.corrected, 99), latency_cell(endpoint.corrected, 99.9),
                   latency_cell(endpoint.corrected, 100));
}

}  // namespace

void CsvWriter::write_head(const Interval& interval) {
    std::string line =
        "begin_s,end_s,warmup,planned,sent,responses,succeeded,failed,samples,open_connections,connects,sent_bytes,"
        "received_bytes,corrected_p50_ns,corrected_p90_ns,corrected_p99_ns,corrected_p99.9_ns,corrected_max_ns,"
        "uncorrected_p50_ns,uncorrected_p99_ns,lag_p99_ns";
    for (std::size_t i = 1; i <= status_classes_count; ++i) fmt::format_to(std::back_inserter(line), ",status_{}xx", i);
    for (std::size_t i = 0; i < faults_count; ++i) line.append(",").append(name_of(static_cast<Fault>(i)));
    for (const EndpointFigures& endpoint : interval.endpoints)
        for (const char* const column : endpoint_columns)
            line.append(",").append(quoted_cell("endpoint_" + endpoint.name + "_" + column));
    put(stream_, line.append("\n"));
    has_head_ = true;
}

void CsvWriter::on_interval(const Interval& interval) {
    if (!has_head_) write_head(interval);
    const Counts& counts = interval.counts;
    const Latencies& latencies = *interval.latencies;
    std::string line = fmt::format(
        "{:.3f},{:.3f},{:d},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}", interval.begin_s, interval.end_s,
        interval.is_warmup, counts.planned, counts.sent, counts.responses, counts.succeeded, counts.failed(),
        counts.samples, interval.open_connections_count, counts.connects, counts.sent_bytes, counts.received_bytes,
        latency_cell(latencies.corrected, 50), latency_cell(latencies.corrected, 90),
        latency_cell(latencies.corrected, 99), latency_cell(latencies.corrected, 99.9),
        latency_cell(latencies.corrected, 100), latency_cell(latencies.uncorrected, 50),
        latency_cell(latencies.uncorrected, 99), latency_cell(latencies.lag, 99));
    const auto append = [&line](std::uint64_t count) { fmt::format_to(std::back_inserter(line), ",{}", count); };
    for (std::size_t i = 1; i <= status_classes_count; ++i) append(of_class(counts, i));
    for (const std::uint64_t count : counts.faults) append(count);
    for (const EndpointFigures& endpoint : interval.endpoints) append_endpoint(line, endpoint);
    put(stream_, line.append("\n"));
    std::fflush(stream_);
}

}  // namespace sluice::load
