// The rows of the table of metrics that are about TLS: a part of metric_table.cpp. Constants; any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "engine/admin/metric_table.hpp"

namespace sluice {

inline std::string_view handshake_failure(std::size_t index) { return tls::handshake_failure_words[index]; }

// A member of the source as it is.
#define TLS_READ(member) [](const auto& source) -> MetricValue { return source.member; }

inline constexpr std::string_view handshakes_help = "TLS handshakes that were completed.";
// Reasons that never occurred have no series.
inline constexpr MetricOf<TlsFigures> tls_metrics[] = {
    {{"sluice_tls_handshakes_total", MetricKind::counter, MetricUnit::count, handshakes_help,
      "version=\"1.2\",resumed=\"false\"", "handshakes.full_1_2"},
     TLS_READ(counters.full_1_2)},
    {{"sluice_tls_handshakes_total", MetricKind::counter, MetricUnit::count, handshakes_help,
      "version=\"1.2\",resumed=\"true\"", "handshakes.resumed_1_2"},
     TLS_READ(counters.resumed_1_2)},
    {{"sluice_tls_handshakes_total", MetricKind::counter, MetricUnit::count, handshakes_help,
      "version=\"1.3\",resumed=\"false\"", "handshakes.full_1_3"},
     TLS_READ(counters.full_1_3)},
    {{"sluice_tls_handshakes_total", MetricKind::counter, MetricUnit::count, handshakes_help,
      "version=\"1.3\",resumed=\"true\"", "handshakes.resumed_1_3"},
     TLS_READ(counters.resumed_1_3)},
    {{"sluice_tls_handshake_failures_total", MetricKind::counter, MetricUnit::count,
      "TLS handshakes that came to nothing, by reason.", "reason", "handshakes.failed"},
     [](const TlsFigures& tls) -> MetricValue { return ByWord{tls.counters.failures, handshake_failure, false}; }},
    {{"sluice_tls_broken_sessions_total", MetricKind::counter, MetricUnit::count,
      "TLS connections that ended with an error after their handshake.", "", "broken_sessions"},
     TLS_READ(counters.broken_sessions)},
    {{"sluice_tls_handshakes_in_progress", MetricKind::gauge, MetricUnit::count,
      "TLS handshakes that are not complete, silent ones included.", "", "handshakes.in_progress"},
     TLS_READ(counters.handshakes_in_progress)},
    {{"sluice_tls_handshake_seconds", MetricKind::histogram, MetricUnit::seconds,
      "Time from when a connection was accepted until its TLS handshake was complete.", "", ""},
     [](const TlsFigures& tls) -> MetricValue { return Histograms{{&tls.handshakes, 1}, no_word}; }},
};

inline constexpr std::string_view reloads_help = "Times that certificates were read again.";
inline constexpr MetricOf<TlsView> tls_reload_metrics[] = {
    {{"sluice_tls_reloads_total", MetricKind::counter, MetricUnit::count, reloads_help, "result=\"done\"",
      "reloads_done"},
     TLS_READ(reloads_count)},
    {{"sluice_tls_reloads_total", MetricKind::counter, MetricUnit::count, reloads_help, "result=\"failed\"",
      "reloads_failed"},
     TLS_READ(failed_reloads_count)},
};

inline constexpr MetricOf<CertificateView> certificate_metrics[] = {
    {{"sluice_tls_certificate_expiry_seconds", MetricKind::gauge, MetricUnit::seconds,
      "Time until the certificate ends; 0: it has ended.", "", "expires_in_s"},
     TLS_READ(left_ns)},
};

#undef TLS_READ

}  // namespace sluice
