#include "engine/metrics/latency_histogram.hpp"

#include <hdr/hdr_histogram.h>

#include <algorithm>
#include <cstring>

#include "engine/core/check.hpp"
#include "engine/core/percentile_rank.hpp"

namespace sluice {
namespace {

constexpr std::int64_t value_ns_max = 3'600'000'000'000;
constexpr int significant_digits = 2;

}  // namespace

void LatencyHistogram::Close::operator()(hdr_histogram* histogram) const { ::hdr_close(histogram); }

LatencyHistogram::LatencyHistogram() {
    hdr_histogram* histogram = nullptr;
    CHECK(::hdr_init(1, value_ns_max, significant_digits, &histogram) == 0);
    histogram_.reset(histogram);
}

LatencyHistogram::~LatencyHistogram() = default;

void LatencyHistogram::record(std::uint64_t ns, std::uint64_t count) {
    const auto value = std::clamp<std::int64_t>(static_cast<std::int64_t>(ns), 1, value_ns_max);
    ::hdr_record_values(histogram_.get(), value, static_cast<std::int64_t>(count));
    sum_ns_ += ns * count;
}

void LatencyHistogram::reset() {
    ::hdr_reset(histogram_.get());
    sum_ns_ = 0;
}

void LatencyHistogram::copy_from(const LatencyHistogram& other) {
    hdr_histogram& to = *histogram_;
    const hdr_histogram& from = *other.histogram_;
    CHECK(to.counts_len == from.counts_len);
    std::memcpy(to.counts, from.counts, static_cast<std::size_t>(from.counts_len) * sizeof *from.counts);
    to.total_count = from.total_count;
    to.min_value = from.min_value;
    to.max_value = from.max_value;
    sum_ns_ = other.sum_ns_;
}

void LatencyHistogram::add(const LatencyHistogram& other) {
    // Both have the same range, so no value is left out.
    CHECK(::hdr_add(histogram_.get(), other.histogram_.get()) == 0);
    sum_ns_ += other.sum_ns_;
}

std::uint64_t LatencyHistogram::count() const { return static_cast<std::uint64_t>(histogram_->total_count); }

std::uint64_t LatencyHistogram::max_ns() const {
    return count() == 0 ? 0 : static_cast<std::uint64_t>(::hdr_max(histogram_.get()));
}

std::uint64_t LatencyHistogram::value_at_ns(double percentile) const {
    if (count() == 0) return 0;
    return static_cast<std::uint64_t>(
        ::hdr_value_at_percentile(histogram_.get(), percentile_for_histogram(percentile, count())));
}

void LatencyHistogram::cumulative_counts(const std::uint64_t* bounds_ns, std::size_t bounds_count,
                                         std::uint64_t* counts) const {
    CHECK(std::is_sorted(bounds_ns, bounds_ns + bounds_count));
    std::fill_n(counts, bounds_count, 0);
    hdr_iter iterator;
    ::hdr_iter_recorded_init(&iterator, histogram_.get());
    while (::hdr_iter_next(&iterator)) {
        const auto value = static_cast<std::uint64_t>(iterator.value);
        const auto* bound = std::lower_bound(bounds_ns, bounds_ns + bounds_count, value);
        if (bound != bounds_ns + bounds_count) counts[bound - bounds_ns] += static_cast<std::uint64_t>(iterator.count);
    }
    for (std::size_t i = 1; i < bounds_count; ++i) counts[i] += counts[i - 1];
}

}  // namespace sluice
