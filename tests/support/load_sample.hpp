// A made-up run of sluice-load, for tests of its outputs: a warm-up, steady seconds, one stall of the server, some
// errors, and one answer that comes a moment after the end. The same seed gives the same run.
#pragma once

#include <cstdint>
#include <vector>

#include "tools/load/result/results.hpp"

namespace sluice::tests {

struct LoadSample {
    std::uint64_t seed = 1;
    unsigned seconds = 30;  // measured
    double warmup_s = 2.4;  // as with --warmup auto, it ends within a second
    unsigned rate = 2000;  // requests/s
    unsigned stall_at_s = 12;  // of the measured part; the server stands still for this second
    std::int64_t began_at_ms = 1'790'000'000'000;  // Unix time
    bool is_valid = true;
};

// Tells the observers every second, as a run would, and returns what it would.
[[nodiscard]] load::RunResult sample_run(const LoadSample& sample, const std::vector<load::Observer*>& observers = {});

}  // namespace sluice::tests
