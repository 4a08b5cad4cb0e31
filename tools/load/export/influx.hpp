// Sends each second of a run to InfluxDB while it goes on, so that Grafana can plot it live.
//
// The coordinator's thread renders in on_interval; a thread of its own posts. So a database that is slow, away or
// refuses costs the run only points. After a temporary failure (no connection, 5xx, 429) points are kept, at most
// pending_seconds_max of them, and sent again each second; a point that is written twice overwrites itself. The first
// failure is reported once. The outcome counts what was lost.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "tools/load/export/influx_lines.hpp"
#include "tools/load/result/results.hpp"

namespace sluice::load {

struct InfluxTarget {
    std::string url;  // http://host:8086 or https://…; v1's user and password may stand in it
    std::string database;                     // InfluxDB 1: /write?db=
    std::string organization, bucket, token;  // InfluxDB 2, if `bucket` is not empty: /api/v2/write?org=&bucket=
};

// Where points are posted: the path and query of InfluxDB 1 or 2, names percent-encoded.
[[nodiscard]] std::string influx_write_url(const InfluxTarget& target);

class InfluxExporter : public Observer {
  public:
    static constexpr std::size_t pending_seconds_max = 600;
    static constexpr long request_timeout_ms = 3000;

    // `run` names the run in the points' tags. `warn` is called at most once, on the exporter's thread, with a
    // sentence. Throws std::system_error where its thread cannot be started.
    InfluxExporter(const InfluxTarget& target, std::string_view run, std::function<void(const std::string&)> warn);
    ~InfluxExporter() override;
    InfluxExporter(const InfluxExporter&) = delete;
    InfluxExporter& operator=(const InfluxExporter&) = delete;

    void on_begin(std::int64_t began_at_ms) override { renderer_.begin(began_at_ms); }
    void on_interval(const Interval& interval) override;

    struct Outcome {
        std::uint64_t points_written = 0, points_lost = 0;
    };
    // Tries what is left once more and ends the thread; takes two request timeouts at most. Nothing is observed
    // afterwards.
    Outcome finish();

  private:
    void run();

    const std::string url_, token_;
    const std::function<void(const std::string&)> warn_;
    InfluxRenderer renderer_;  // of the observing thread

    std::mutex mutex_;  // of what follows
    std::condition_variable changed_;
    std::deque<InfluxLines> pending_;
    bool is_finishing_ = false;
    Outcome outcome_;

    bool has_warned_ = false;  // of the exporter's thread
    std::thread thread_;
};

}  // namespace sluice::load
