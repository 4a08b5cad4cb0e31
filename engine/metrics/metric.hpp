// Metric: how a figure of the engine is declared, and what it is when it is read. Values; any thread.
//
// The table of all metrics is engine/admin/metric_table.cpp. GET /metrics, the figures of GET /status, and
// docs/metrics.md are made from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/metrics/latency_histogram.hpp"

namespace sluice {

enum class MetricKind : std::uint8_t {
    counter,    // only grows, but for POST /reset
    gauge,      // goes up and down
    histogram,  // how many values were at most each bound
};

enum class MetricUnit : std::uint8_t {
    count,    // of what the help says
    bytes,    //
    seconds,  // read in ns
    flag,     // 1 or 0; true or false in /status
    ratio,    //
};

struct Metric {
    std::string_view name;  // in /metrics; empty: in /status only
    MetricKind kind;
    MetricUnit unit;
    std::string_view help;  // one sentence; the same for all rows of one name
    // `class="2xx"`: a label that this row has always. `reason`: a label whose value comes with the value; `a, b`:
    // several. Empty: none, but for the label of the source.
    std::string_view label;
    // Member in /status, below the object of the source, such as `samples.received`; empty: in /metrics only. A time
    // says its unit in the name: _us or _s.
    std::string_view member;
};

// --- values --------------------------------------------------------------------------------------------------------

// Not known now: no series in /metrics, null in /status.
struct Unknown {};
// Means nothing now: no series in /metrics, no member in /status.
struct Absent {};
// One of several words. /metrics: a series for each, 1 for this one; /status: the word, or null if the index is beyond.
struct OneOf {
    std::span<const std::string_view> words;
    std::size_t index;
};
// A count for each of several words. /status: an object of those that are not zero; /metrics: likewise, or all.
struct ByWord {
    std::span<const std::uint64_t> counts;
    std::string_view (*word)(std::size_t index);
    bool shows_zeros;  // in /metrics
};
// What does not change while the process runs. /metrics: one series, 1, with a value for each of the row's labels.
struct Info {
    std::vector<std::string_view> words;
};
// A histogram for each of several words; one word that is empty: a single histogram.
struct Histograms {
    std::span<const LatencyHistogram> histograms;
    std::string_view (*word)(std::size_t index);
};

using MetricValue = std::variant<Unknown, Absent, std::uint64_t, double, bool, OneOf, ByWord, Info, Histograms>;

}  // namespace sluice
