// Verdict: whether Redis and its consumers keep up, in one word; what the sampler tells the reactors.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/core/refusal.hpp"

namespace sluice::admission {

enum class Verdict : std::uint8_t {
    admit,             // within all bounds, or nobody knows
    redis_memory,      // Redis comes near its maxmemory
    stream_full,       // the streams hold too many entries
    consumers_behind,  // a consumer group has too many entries to read
};

// What telemetry is refused with; nothing while it is admitted.
[[nodiscard]] constexpr std::optional<Refusal> refusal_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::admit: return std::nullopt;
        case Verdict::redis_memory: return Refusal::redis_memory;
        case Verdict::stream_full: return Refusal::stream_full;
        case Verdict::consumers_behind: return Refusal::consumers_behind;
    }
    return std::nullopt;
}

}  // namespace sluice::admission
