// PassedBound: which bound Redis or its consumers have passed: what the watcher tells the reactors.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/core/refusal.hpp"

namespace sluice::watch {

enum class PassedBound : std::uint8_t {
    none,              // within all bounds, or nobody knows
    redis_memory,      // Redis comes near its maxmemory
    stream_full,       // the streams hold too many entries
    consumers_behind,  // a consumer group has too many entries to read
};

// What telemetry is refused with; nothing while it is admitted.
[[nodiscard]] constexpr std::optional<Refusal> refusal_of(PassedBound passed) {
    switch (passed) {
        case PassedBound::none: return std::nullopt;
        case PassedBound::redis_memory: return Refusal::redis_memory;
        case PassedBound::stream_full: return Refusal::stream_full;
        case PassedBound::consumers_behind: return Refusal::consumers_behind;
    }
    return std::nullopt;
}

}  // namespace sluice::watch
