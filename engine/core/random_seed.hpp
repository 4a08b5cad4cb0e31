// The one place that asks the kernel for a random number: at start-up, for seeds and names. Whoever needs more than
// that draws from a seeded generator.
#pragma once

#include <sys/random.h>

#include <cstdint>

#include "engine/core/check.hpp"

namespace sluice {

[[nodiscard]] inline std::uint64_t random_seed() {
    std::uint64_t seed = 0;
    // Up to 256 bytes come whole and without EINTR (getrandom(2)). std::random_device would ask for arc4random of glibc
    // 2.36; the programs are to run with 2.34.
    CHECK(::getrandom(&seed, sizeof seed, 0) == static_cast<ssize_t>(sizeof seed));
    return seed;
}

}  // namespace sluice
