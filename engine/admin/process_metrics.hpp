// The metrics of the process: rows of the table in metric_table.cpp, which includes this file alone. Any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/admin/metric_table.hpp"

namespace sluice {

[[nodiscard]] inline MetricValue known(const std::optional<std::uint64_t>& value) {
    return value ? MetricValue(*value) : MetricValue(Unknown{});
}

// The names are those of Prometheus' client libraries, so dashboards for any process show them.
inline constexpr MetricOf<ProcessFigures> process_metrics[] = {
    {{"process_cpu_seconds_total", MetricKind::counter, MetricUnit::seconds, "User and system CPU time of all threads.",
      "", ""},
     [](const ProcessFigures& of) -> MetricValue { return known(of.cpu_ns); }},
    {{"process_start_time_seconds", MetricKind::gauge, MetricUnit::seconds, "When the process started, in Unix time.",
      "", ""},
     [](const ProcessFigures& of) -> MetricValue { return known(of.start_ns); }},
    {{"process_resident_memory_bytes", MetricKind::gauge, MetricUnit::bytes, "Resident memory.", "", ""},
     [](const ProcessFigures& of) -> MetricValue { return known(of.resident_bytes); }},
    {{"process_virtual_memory_bytes", MetricKind::gauge, MetricUnit::bytes,
      "Address space; large tables are reserved and not used.", "", ""},
     [](const ProcessFigures& of) -> MetricValue { return known(of.virtual_bytes); }},
    {{"process_virtual_memory_max_bytes", MetricKind::gauge, MetricUnit::bytes,
      "Limit of the address space; absent without one.", "", ""},
     [](const ProcessFigures& of) -> MetricValue { return known(of.virtual_bytes_max); }},
    {{"process_open_fds", MetricKind::gauge, MetricUnit::count,
      "Open file descriptors; sockets of clients on io_uring are none.", "", ""},
     [](const ProcessFigures& of) -> MetricValue { return known(of.open_fds_count); }},
    {{"process_max_fds", MetricKind::gauge, MetricUnit::count, "Soft limit of open file descriptors.", "", ""},
     [](const ProcessFigures& of) -> MetricValue { return known(of.fds_count_max); }},
    {{"process_threads", MetricKind::gauge, MetricUnit::count, "Threads.", "", ""},
     [](const ProcessFigures& of) -> MetricValue { return known(of.threads_count); }},
};

}  // namespace sluice
