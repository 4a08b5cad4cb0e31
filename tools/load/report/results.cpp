#include "tools/load/report/results.hpp"

#include "engine/core/check.hpp"

namespace sluice::load {
namespace {

constexpr std::int64_t value_ns_max = 3'600'000'000'000;
constexpr int significant_digits = 3;

}  // namespace

Histogram make_histogram() {
    hdr_histogram* histogram = nullptr;
    CHECK(::hdr_init(1, value_ns_max, significant_digits, &histogram) == 0);
    return Histogram(histogram);
}

}  // namespace sluice::load
