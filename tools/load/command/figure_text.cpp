#include "tools/load/command/figure_text.hpp"

#include "tools/load/plan/units.hpp"
#include "tools/load/result/percentiles.hpp"

namespace sluice::load {

std::string latency_text(const Histogram& histogram, double percentile) {
    return count_of(histogram) == 0 ? "-" : format_ns(value_at_ns(histogram, percentile));
}

}  // namespace sluice::load
