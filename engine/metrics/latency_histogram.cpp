#include "engine/metrics/latency_histogram.hpp"

#include <hdr/hdr_histogram.h>

#include <algorithm>
#include <cstring>

#include "engine/core/check.hpp"
#include "engine/core/lazy_array.hpp"
#include "engine/core/percentile_rank.hpp"

namespace sluice {
namespace {

constexpr std::int64_t value_ns_max = 3'600'000'000'000;
constexpr int significant_digits = 2;

}  // namespace

struct LatencyHistogram::Storage {
    explicit Storage(hdr_histogram_bucket_config config) : counts(static_cast<std::size_t>(config.counts_len)) {
        ::hdr_init_preallocated(&histogram, &config);
        histogram.counts = &counts[0];
    }

    LazyArray<std::int64_t> counts;
    hdr_histogram histogram{};
};

void LatencyHistogram::Delete::operator()(Storage* storage) const { delete storage; }

LatencyHistogram::LatencyHistogram() {
    hdr_histogram_bucket_config config{};
    CHECK(::hdr_calculate_bucket_config(1, value_ns_max, significant_digits, &config) == 0);
    storage_.reset(new Storage(config));
}

LatencyHistogram::~LatencyHistogram() = default;

void LatencyHistogram::record(std::uint64_t ns, std::uint64_t count) {
    const auto value = std::clamp<std::int64_t>(static_cast<std::int64_t>(ns), 1, value_ns_max);
    ::hdr_record_values(&storage_->histogram, value, static_cast<std::int64_t>(count));
    sum_ns_ += ns * count;
}

void LatencyHistogram::reset() {
    if (count() == 0) return;
    ::hdr_reset(&storage_->histogram);
    sum_ns_ = 0;
}

void LatencyHistogram::copy_from(const LatencyHistogram& other) {
    if (other.count() == 0) return reset();
    hdr_histogram& to = storage_->histogram;
    const hdr_histogram& from = other.storage_->histogram;
    CHECK(to.counts_len == from.counts_len);
    std::memcpy(to.counts, from.counts, static_cast<std::size_t>(from.counts_len) * sizeof *from.counts);
    to.total_count = from.total_count;
    to.min_value = from.min_value;
    to.max_value = from.max_value;
    sum_ns_ = other.sum_ns_;
}

void LatencyHistogram::add(const LatencyHistogram& other) {
    if (other.count() == 0) return;
    // Both have the same range, so no value is left out.
    CHECK(::hdr_add(&storage_->histogram, &other.storage_->histogram) == 0);
    sum_ns_ += other.sum_ns_;
}

std::uint64_t LatencyHistogram::count() const { return static_cast<std::uint64_t>(storage_->histogram.total_count); }

std::uint64_t LatencyHistogram::max_ns() const {
    return count() == 0 ? 0 : static_cast<std::uint64_t>(::hdr_max(&storage_->histogram));
}

std::uint64_t LatencyHistogram::value_at_ns(double percentile) const {
    if (count() == 0) return 0;
    return static_cast<std::uint64_t>(
        ::hdr_value_at_percentile(&storage_->histogram, percentile_for_histogram(percentile, count())));
}

void LatencyHistogram::cumulative_counts(const std::uint64_t* bounds_ns, std::size_t bounds_count,
                                         std::uint64_t* counts) const {
    CHECK(std::is_sorted(bounds_ns, bounds_ns + bounds_count));
    std::fill_n(counts, bounds_count, 0);
    hdr_iter iterator;
    ::hdr_iter_recorded_init(&iterator, &storage_->histogram);
    while (::hdr_iter_next(&iterator)) {
        const auto value = static_cast<std::uint64_t>(iterator.value);
        const auto* bound = std::lower_bound(bounds_ns, bounds_ns + bounds_count, value);
        if (bound != bounds_ns + bounds_count) counts[bound - bounds_ns] += static_cast<std::uint64_t>(iterator.count);
    }
    for (std::size_t i = 1; i < bounds_count; ++i) counts[i] += counts[i - 1];
}

}  // namespace sluice
