// The metrics of addresses: rows of the table in metric_table.cpp, which includes this file alone. Any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "engine/admin/metric_table.hpp"

namespace sluice {

inline std::string_view proxy_outcome(std::size_t index) { return proxy_outcome_words[index]; }

// Results that never occurred have no series.
inline constexpr MetricOf<AddressCounters> address_metrics[] = {
    {{"sluice_proxy_headers_total", MetricKind::counter, MetricUnit::count,
      "Connections that had to begin with a header of the PROXY protocol, by what became of it.", "result",
      "proxy_headers"},
     [](const AddressCounters& of) -> MetricValue { return ByWord{of.proxy_headers, proxy_outcome, false}; }},
    {{"sluice_address_connections_refused_total", MetricKind::counter, MetricUnit::count,
      "Connections closed because their address had http.connections_per_address_max.", "",
      "address_connections_refused"},
     [](const AddressCounters& of) -> MetricValue { return of.connections_refused; }},
};

}  // namespace sluice
