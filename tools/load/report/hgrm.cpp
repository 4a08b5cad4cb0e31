#include "tools/load/report/hgrm.hpp"

#include "tools/load/result/percentiles.hpp"

namespace sluice::load {

void write_hgrm(const Histogram& histogram, std::FILE* stream) {
    constexpr std::int32_t lines_per_half_distance = 5;  // as the Java and the JavaScript tools print by default
    constexpr double ns_per_ms = 1e6;
    if (count_of(histogram) == 0) return;
    ::hdr_percentiles_print(histogram.get(), stream, lines_per_half_distance, ns_per_ms, CLASSIC);
}

}  // namespace sluice::load
