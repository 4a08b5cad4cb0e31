// Thresholds: the bounds that a run must hold, in the notation of k6: `p95<200ms`, `errors<1%`, `rate>1000/s`. Pure
// functions.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "tools/load/plan/units.hpp"
#include "tools/load/result/results.hpp"

namespace sluice::load {

struct Threshold {
    enum class Metric : std::uint8_t {
        percentile,  // of the corrected latency of successes, ns
        mean,  // ns
        max,  // ns
        errors,  // share of requests that failed, 0 to 1
        rate,  // successful requests a second
    };
    enum class Relation : std::uint8_t { below, at_most, above, at_least };

    std::string text;  // as given
    Metric metric = Metric::percentile;
    double percentile = 0;
    Relation relation = Relation::below;
    double bound = 0;
};

// `pNN<DURATION`, `avg<…`, `max<…`, `errors<N%`, `rate>N/s`, with <, <=, > or >=.
[[nodiscard]] std::expected<Threshold, PlanError> parse_threshold(std::string_view text);

// A threshold that nothing was measured for does not hold. One on latency is judged on the successes alone.
[[nodiscard]] ThresholdResult evaluate(const Threshold& threshold, const RunResult& result);

// Why the run failed, as a sentence: more than half of the requests that were sent failed, or none succeeded. Empty: it
// did not, or one of `thresholds` bounds the errors, and so says how many may fail.
[[nodiscard]] std::string failure_of(std::span<const Threshold> thresholds, const RunResult& result);

}  // namespace sluice::load
