// The metrics of tenants: rows of the table in metric_table.cpp, which includes this file alone. Any thread.
#pragma once

#include "engine/admin/metric_table.hpp"

namespace sluice {

inline constexpr MetricOf<tenants::TenantCounters> tenant_metrics[] = {
    {{"sluice_tenant_requests_total", MetricKind::counter, MetricUnit::count,
      "Requests that were let in by token and quota.", "", "requests"},
     [](const tenants::TenantCounters& of) -> MetricValue { return of.requests; }},
    {{"sluice_tenant_body_bytes_total", MetricKind::counter, MetricUnit::bytes, "Size of their bodies, as they came.",
      "", "body_bytes"},
     [](const tenants::TenantCounters& of) -> MetricValue { return of.body_bytes; }},
    {{"sluice_tenant_samples_accepted_total", MetricKind::counter, MetricUnit::count, "Samples accepted.", "",
      "samples_accepted"},
     [](const tenants::TenantCounters& of) -> MetricValue { return of.samples_accepted; }},
    {{"sluice_tenant_samples_rejected_total", MetricKind::counter, MetricUnit::count,
      "Samples refused one by one, by the schema or by what the tenant may send.", "", "samples_rejected"},
     [](const tenants::TenantCounters& of) -> MetricValue { return of.samples_rejected; }},
    {{"sluice_tenant_over_quota_total", MetricKind::counter, MetricUnit::count,
      "Requests and connections refused by the quota.", "", "over_quota"},
     [](const tenants::TenantCounters& of) -> MetricValue { return of.over_quota; }},
};

inline constexpr MetricOf<tenants::TenantsFigures> reload_metrics[] = {
    {{"sluice_tenants", MetricKind::gauge, MetricUnit::count, "Tenants in the file, as it was read last.", "",
      "tenants"},
     [](const tenants::TenantsFigures& of) -> MetricValue { return of.tenants.load(std::memory_order_relaxed); }},
    {{"sluice_tenants_generation", MetricKind::gauge, MetricUnit::count,
      "Number of the table of tenants; rises with each reload.", "", "generation"},
     [](const tenants::TenantsFigures& of) -> MetricValue { return of.generation.load(std::memory_order_relaxed); }},
    {{"sluice_tenants_reloads_total", MetricKind::counter, MetricUnit::count, "Reloads of the file of tenants.",
      "result=\"good\"", "reloads"},
     [](const tenants::TenantsFigures& of) -> MetricValue { return of.reloads.load(std::memory_order_relaxed); }},
    {{"sluice_tenants_reloads_total", MetricKind::counter, MetricUnit::count, "Reloads of the file of tenants.",
      "result=\"failed\"", "failures"},
     [](const tenants::TenantsFigures& of) -> MetricValue { return of.failures.load(std::memory_order_relaxed); }},
    {{"sluice_tenants_last_reload_successful", MetricKind::gauge, MetricUnit::flag,
      "The last reload of the file was taken.", "", "is_last_good"},
     [](const tenants::TenantsFigures& of) -> MetricValue { return of.is_last_good.load(std::memory_order_relaxed); }},
    {{"sluice_dead_letters_total", MetricKind::counter, MetricUnit::count, "Refused records that were kept in Redis.",
      "result=\"written\"", "dead_letters"},
     [](const tenants::TenantsFigures& of) -> MetricValue { return of.dead_letters.load(std::memory_order_relaxed); }},
    {{"sluice_dead_letters_total", MetricKind::counter, MetricUnit::count, "Refused records that were kept in Redis.",
      "result=\"dropped\"", "dead_letters_dropped"},
     [](const tenants::TenantsFigures& of) -> MetricValue {
         return of.dead_letters_dropped.load(std::memory_order_relaxed);
     }},
};

}  // namespace sluice
