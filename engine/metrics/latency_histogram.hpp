// LatencyHistogram: how often which time was measured, as an HdrHistogram in ns. One owner thread; others get copies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace sluice {

// 1 ns to 1 h with 2 significant digits: an error of at most 1 %, in 40 KiB that never grow, and of which a page costs
// nothing until a time falls into it. Longer times are recorded as 1 h.
class LatencyHistogram {
  public:
    LatencyHistogram();
    ~LatencyHistogram();
    LatencyHistogram(LatencyHistogram&&) noexcept = default;
    LatencyHistogram& operator=(LatencyHistogram&&) noexcept = default;

    void record(std::uint64_t ns, std::uint64_t count = 1);
    // These three touch no memory of what is empty.
    void reset();
    void copy_from(const LatencyHistogram& other);
    void add(const LatencyHistogram& other);

    [[nodiscard]] std::uint64_t count() const;
    [[nodiscard]] std::uint64_t max_ns() const;
    // `percentile` of 0 to 100.
    [[nodiscard]] std::uint64_t value_at_ns(double percentile) const;
    // How many values are at most `bound_ns[i]`, for ascending bounds.
    void cumulative_counts(const std::uint64_t* bounds_ns, std::size_t bounds_count, std::uint64_t* counts) const;
    [[nodiscard]] std::uint64_t sum_ns() const { return sum_ns_; }

  private:
    struct Storage;
    struct Delete {
        void operator()(Storage* storage) const;
    };
    std::unique_ptr<Storage, Delete> storage_;
    std::uint64_t sum_ns_ = 0;  // exact; the histogram knows only its buckets
};

}  // namespace sluice
