// How long a test waits for what must happen: what takes longer hangs, and no test is decided by how fast a host is.
#pragma once

#include <cstdint>

namespace sluice::tests {

inline constexpr std::uint64_t patience_ns = 100'000'000'000;

}  // namespace sluice::tests
