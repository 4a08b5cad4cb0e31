#include "tools/load/export/influx_lines.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "tools/load/result/percentiles.hpp"

namespace sluice::load {
namespace {

// A backslash before the next separator would take it away, and no escape of it is defined: it becomes a slash.
std::string escaped_tag(std::string_view text) {
    std::string out;
    for (const char byte : text) {
        if (byte == ',' || byte == '=' || byte == ' ') out += '\\';
        out += byte == '\\' ? '/' : byte == '\n' || byte == '\r' ? '_' : byte;
    }
    return out;
}

// No value is not 0 ns.
void append_latency(std::string& text, std::string_view name, const Histogram& histogram) {
    if (count_of(histogram) == 0) return;
    fmt::format_to(std::back_inserter(text),
                   ",{0}_p50_ns={1}i,{0}_p90_ns={2}i,{0}_p99_ns={3}i,{0}_p999_ns={4}i,{0}_max_ns={5}i", name,
                   value_at_ns(histogram, 50), value_at_ns(histogram, 90), value_at_ns(histogram, 99),
                   value_at_ns(histogram, 99.9), max_ns(histogram));
}

void append_endpoint(InfluxLines& lines, const std::string& tags, std::int64_t at_ms, const EndpointFigures& endpoint) {
    const Counts& counts = endpoint.counts;
    fmt::format_to(std::back_inserter(lines.text),
                   "sluice_load_endpoint{},endpoint={} sent={}i,responses={}i,succeeded={}i,failed={}i", tags,
                   escaped_tag(endpoint.name), counts.sent, counts.responses, counts.succeeded, counts.failed());
    append_latency(lines.text, "corrected", endpoint.corrected);
    fmt::format_to(std::back_inserter(lines.text), " {}\n", at_ms);
    ++lines.points_count;
}

}  // namespace

InfluxRenderer::InfluxRenderer(std::string_view run)
    : run_tag_(run.empty() ? std::string() : ",run=" + escaped_tag(run)) {}

InfluxLines InfluxRenderer::render(const Interval& interval) {
    const Counts& counts = interval.counts;
    const Latencies& latencies = *interval.latencies;
    const std::int64_t at_ms = began_at_ms_ + std::llround(interval.begin_s * 1e3);
    const std::string tags = run_tag_ + (interval.is_warmup ? ",phase=warmup" : ",phase=measured");
    InfluxLines lines;
    auto out = std::back_inserter(lines.text);

    fmt::format_to(out,
                   "sluice_load{} planned={}i,sent={}i,responses={}i,succeeded={}i,failed={}i,samples={}i,connects={}i,"
                   "sent_bytes={}i,received_bytes={}i,open_connections={}i",
                   tags, counts.planned, counts.sent, counts.responses, counts.succeeded, counts.failed(),
                   counts.samples, counts.connects, counts.sent_bytes, counts.received_bytes,
                   interval.open_connections_count);
    append_latency(lines.text, "corrected", latencies.corrected);
    append_latency(lines.text, "uncorrected", latencies.uncorrected);
    append_latency(lines.text, "lag", latencies.lag);
    fmt::format_to(out, " {}\n", at_ms);
    ++lines.points_count;

    for (std::size_t status = 0; status < counts.statuses.size(); ++status) {
        seen_statuses_[status] |= counts.statuses[status] != 0;
        if (!seen_statuses_[status]) continue;
        fmt::format_to(out, "sluice_load_status{},status={} count={}i {}\n", tags, status, counts.statuses[status],
                       at_ms);
        ++lines.points_count;
    }
    for (std::size_t i = 0; i < faults_count; ++i) {
        seen_faults_[i] |= counts.faults[i] != 0;
        if (!seen_faults_[i]) continue;
        fmt::format_to(out, "sluice_load_fault{},fault={} count={}i {}\n", tags, name_of(static_cast<Fault>(i)),
                       counts.faults[i], at_ms);
        ++lines.points_count;
    }
    for (const EndpointFigures& endpoint : interval.endpoints) append_endpoint(lines, tags, at_ms, endpoint);
    return lines;
}

}  // namespace sluice::load
