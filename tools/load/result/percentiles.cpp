#include "tools/load/result/percentiles.hpp"

#include <algorithm>

#include "engine/core/percentile_rank.hpp"

namespace sluice::load {

std::uint64_t count_of(const Histogram& histogram) {
    return histogram ? static_cast<std::uint64_t>(histogram->total_count) : 0;
}

std::uint64_t value_at_ns(const Histogram& histogram, double percentile) {
    if (count_of(histogram) == 0) return 0;
    return static_cast<std::uint64_t>(
        ::hdr_value_at_percentile(histogram.get(), percentile_for_histogram(percentile, count_of(histogram))));
}

std::uint64_t min_ns(const Histogram& histogram) {
    return count_of(histogram) == 0 ? 0 : static_cast<std::uint64_t>(::hdr_min(histogram.get()));
}

std::uint64_t max_ns(const Histogram& histogram) {
    return count_of(histogram) == 0 ? 0 : static_cast<std::uint64_t>(::hdr_max(histogram.get()));
}

double mean_ns(const Histogram& histogram) { return count_of(histogram) == 0 ? 0 : ::hdr_mean(histogram.get()); }

double deviation_ns(const Histogram& histogram) { return count_of(histogram) == 0 ? 0 : ::hdr_stddev(histogram.get()); }

Histogram difference_of(const Histogram& all, const Histogram& part) {
    Histogram rest = make_histogram();
    if (count_of(all) == 0) return rest;
    ::hdr_add(rest.get(), all.get());
    if (count_of(part) == 0) return rest;
    for (std::int32_t i = 0; i < rest->counts_len; ++i) rest->counts[i] -= std::min(rest->counts[i], part->counts[i]);
    ::hdr_reset_internal_counters(rest.get());
    return rest;
}

void add_histogram(const Histogram& from, Histogram& to) {
    if (count_of(from) != 0) ::hdr_add(to.get(), from.get());
}

}  // namespace sluice::load
