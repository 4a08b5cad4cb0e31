// One second of a run in InfluxDB's line protocol, which VictoriaMetrics, Telegraf and others take as well
// (docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference).
//
//   sluice_load            counts, open connections and latency percentiles (ns)
//   sluice_load_status     responses of one status: tag status, field count
//   sluice_load_fault      failed requests of one kind: tag fault, field count
//   sluice_load_endpoint   counts and latency percentiles of one endpoint of a scenario: tag endpoint
//
// Every point has the tags run (its name) and phase (warmup or measured), and the time at which its second began (Unix
// ms).
//
// Pure; the renderer belongs to the thread that observes the run.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tools/load/result/results.hpp"

namespace sluice::load {

struct InfluxLines {
    std::string text;  // each line ends with \n
    std::size_t points_count = 0;
};

class InfluxRenderer {
  public:
    // `run` is foreign text: it is escaped, and line ends and backslashes in it are replaced. Empty: no tag.
    explicit InfluxRenderer(std::string_view run);

    // Before the first interval: the Unix time at which the run begins.
    void begin(std::int64_t began_at_ms) { began_at_ms_ = began_at_ms; }

    // A status or fault that occurred once has a point in each later second too, so that its curve falls back to 0.
    [[nodiscard]] InfluxLines render(const Interval& interval);

  private:
    std::string run_tag_;  // ",run=…", or empty
    std::int64_t began_at_ms_ = 0;
    std::array<bool, 600> seen_statuses_{};
    std::array<bool, faults_count> seen_faults_{};
};

}  // namespace sluice::load
