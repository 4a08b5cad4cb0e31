// The metrics of compressed bodies and of remote write: rows of the table in metric_table.cpp, which includes this file
// alone. Any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "engine/admin/metric_table.hpp"
#include "engine/core/content_coding.hpp"

namespace sluice {

inline std::string_view coding_name(std::size_t index) { return name_of(static_cast<ContentCoding>(index)); }

// Codings that no body had have no series.
inline constexpr MetricOf<CodingCounters> coding_metrics[] = {
    {{"sluice_compressed_bodies_total", MetricKind::counter, MetricUnit::count,
      "Compressed bodies that were decompressed whole.", "coding", "compressed.bodies"},
     [](const CodingCounters& counters) -> MetricValue { return ByWord{counters.bodies, coding_name, false}; }},
    {{"sluice_compressed_bytes_total", MetricKind::counter, MetricUnit::bytes, "Bytes of these bodies, as they came.",
      "coding", "compressed.bytes"},
     [](const CodingCounters& counters) -> MetricValue { return ByWord{counters.body_bytes, coding_name, false}; }},
    {{"sluice_decompressed_bytes_total", MetricKind::counter, MetricUnit::bytes, "Bytes of these bodies, decompressed.",
      "coding", "compressed.text_bytes"},
     [](const CodingCounters& counters) -> MetricValue { return ByWord{counters.text_bytes, coding_name, false}; }},
    {{"sluice_decompression_seconds_total", MetricKind::counter, MetricUnit::seconds,
      "Time spent decompressing, refused bodies included.", "coding", "compressed.time_us"},
     [](const CodingCounters& counters) -> MetricValue { return ByWord{counters.ns, coding_name, false}; }},
};

inline constexpr MetricOf<RemoteWriteCounters> remote_write_metrics[] = {
    {{"sluice_remote_write_retried_requests_total", MetricKind::counter, MetricUnit::count,
      "Requests of Prometheus remote write that were sent again (Retry-Attempt).", "", "remote_write.retried_requests"},
     [](const RemoteWriteCounters& of) -> MetricValue { return of.retried_requests; }},
};

}  // namespace sluice
