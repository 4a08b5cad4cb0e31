// The clocks that time stamps and deadlines are made of, in nanoseconds.
//
// Durations are differences of monotonic_ns(); unix_ns() is only for what leaves the process (sample
// time stamps, log lines). Parsers and engine/http never read a clock: time is handed to them.
#pragma once

#include <cstdint>
#include <ctime>

namespace sluice {

// CLOCK_MONOTONIC, in ns. Served by the vDSO: no system call.
[[nodiscard]] inline std::uint64_t monotonic_ns() {
    timespec ts{};
    ::clock_gettime(CLOCK_MONOTONIC, &ts);
    return static_cast<std::uint64_t>(ts.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(ts.tv_nsec);
}

// Nanoseconds since 1970-01-01T00:00:00Z, without leap seconds.
[[nodiscard]] inline std::int64_t unix_ns() {
    timespec ts{};
    ::clock_gettime(CLOCK_REALTIME, &ts);
    return static_cast<std::int64_t>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec;
}

}  // namespace sluice
