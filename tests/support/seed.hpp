// The seed of a random test: fresh for each run, or SLUICE_SEED to replay one. Failures must show it:
// SCOPED_TRACE(seed_trace(seed)).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace sluice::tests {

[[nodiscard]] inline std::uint64_t test_seed() {
    if (const char* given = std::getenv("SLUICE_SEED")) return std::strtoull(given, nullptr, 10);
    return std::random_device{}();
}

[[nodiscard]] inline std::string seed_trace(std::uint64_t seed) {
    return "replay with SLUICE_SEED=" + std::to_string(seed);
}

}  // namespace sluice::tests
