// The one place that asks the kernel for a random number: at start-up, for seeds and names. Whoever needs more than
// that draws from a seeded generator.
#pragma once

#include <cstdint>
#include <random>

namespace sluice {

[[nodiscard]] inline std::uint64_t random_seed() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
}

}  // namespace sluice
