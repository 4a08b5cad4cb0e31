// How many records of each kind a body gave, for protocols that tell their clients so. A value.
#pragma once

#include <cstdint>

namespace sluice {

struct Kinds {
    std::uint32_t samples_count = 0;
    std::uint32_t histograms_count = 0;
    std::uint32_t exemplars_count = 0;  // kept with one of them
};

}  // namespace sluice
