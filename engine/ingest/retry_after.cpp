#include "engine/ingest/retry_after.hpp"

#include <algorithm>
#include <cmath>

#include "engine/core/limits.hpp"

namespace sluice {

void DrainRate::fold(std::uint64_t left_count) {
    if (!is_measured_ && left_count == left_count_) {  // nothing has ever left, for whatever reason: there is no rate
        busy_ns_ = 0;
        return;
    }
    const double busy_s = static_cast<double>(busy_ns_) / 1e9;
    const double per_s = static_cast<double>(left_count - left_count_) / busy_s;
    const double weight =
        is_measured_ ? 1 - std::exp(-static_cast<double>(busy_ns_) / static_cast<double>(memory_ns)) : 1;
    per_s_ += weight * (per_s - per_s_);
    is_measured_ = true;
    busy_ns_ = 0;
    left_count_ = left_count;
}

std::uint64_t retry_after_s(const Backlog& backlog, std::uint64_t least_s) {
    double wait_s = static_cast<double>(backlog.attempt_in_ns) / 1e9;
    if (backlog.is_rate_known && backlog.in_flight_count != 0) {
        const double in_flight = static_cast<double>(backlog.in_flight_count);
        const double most_s = static_cast<double>(limits::retry_after_s_max);
        // Compared before it is divided: a rate near 0 would make it infinite.
        const bool is_long = in_flight >= most_s * backlog.drained_per_s;
        wait_s = std::max(wait_s, is_long ? most_s : in_flight / backlog.drained_per_s);
    }
    const auto whole_s = static_cast<std::uint64_t>(std::ceil(wait_s));
    return std::max(std::min<std::uint64_t>(whole_s, limits::retry_after_s_max), least_s);
}

}  // namespace sluice
