// The whole result of a run as one JSON document, for programs. Keys are stable: they are added to, never renamed
// while `format` is sluice-load/1. Units end the keys: _ns, _s, _bytes; rates are per second; shares are 0 to 1.
//
//   format, valid, invalid_reasons[], target, plan, loop ("open", "closed"), began_at, duration_s, warmup_s,
//   planned_rate (null in a closed loop), achieved_rate, cpu_busiest,
//   environment{version, commit, host, cpu, cores, kernel, command_line, server_command_line},
//   totals{planned, sent, responses, succeeded, failed, samples, connects, sent_bytes, received_bytes,
//          unsolicited, faults{every name of Fault}, statuses{"200": …}, acks{"stored": …}},
//   latency{corrected, uncorrected, lag, succeeded, failed: {count, min_ns, mean_ns, stddev_ns, max_ns,
//   percentiles_ns{"50", …}}}: 0 if count is, seconds[{begin_s, end_s, …, p50_ns and so on: null where nothing was
//   answered}], thresholds[{text, measured, holds}], verdict ("ok", "missed", "failed", "invalid"), failure (a
//   sentence; null unless it failed), endpoints[{name, sent, responses, succeeded, failed, samples, faults, statuses,
//   latency{corrected, succeeded, failed}}]: of a scenario that tells its endpoints apart. `succeeded` and `failed` are
//   the parts of `corrected`.
//   tls{agreed, verified, handshakes{full, resumed: {rate, latency}, before_run{latency}}, failures[{sentence,
//   count}]}: of https://, else null; handshakes that opened connections before the run are apart, a latency is as
//   above.
#pragma once

#include <cstdio>
#include <optional>
#include <vector>

#include "tools/load/result/results.hpp"

namespace sluice::load {

// Bytes that are not UTF-8 are written as U+FFFD.
void write_json(const RunResult& result, std::FILE* stream);

// The runs of a search or sweep, in their order; `highest_rate`: the search's answer, null if there is none.
void write_curve_json(const std::vector<RunResult>& runs, std::optional<double> highest_rate, std::FILE* stream);

}  // namespace sluice::load
