#include "tools/load/result/percentiles.hpp"

namespace sluice::load {

std::uint64_t count_of(const Histogram& histogram) {
    return histogram ? static_cast<std::uint64_t>(histogram->total_count) : 0;
}

std::uint64_t value_at_ns(const Histogram& histogram, double percentile) {
    if (count_of(histogram) == 0) return 0;
    return static_cast<std::uint64_t>(::hdr_value_at_percentile(histogram.get(), percentile));
}

std::uint64_t min_ns(const Histogram& histogram) {
    return count_of(histogram) == 0 ? 0 : static_cast<std::uint64_t>(::hdr_min(histogram.get()));
}

std::uint64_t max_ns(const Histogram& histogram) {
    return count_of(histogram) == 0 ? 0 : static_cast<std::uint64_t>(::hdr_max(histogram.get()));
}

double mean_ns(const Histogram& histogram) { return count_of(histogram) == 0 ? 0 : ::hdr_mean(histogram.get()); }

double deviation_ns(const Histogram& histogram) { return count_of(histogram) == 0 ? 0 : ::hdr_stddev(histogram.get()); }

}  // namespace sluice::load
