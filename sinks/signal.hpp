// SinkSignal: what reactors read of a sink for each request, and nothing else.
//
// One cache line of its own. The sink's thread writes it, and only when a value changes (publish()): the breaker moves,
// the journal begins or ends to refuse, a server of a cluster is lost or found. So in the steady state every reactor
// keeps the line in its cache. The admin thread reads it too. What the sink's thread counts for each batch stands in
// figures.hpp, on other lines.
//
// Relaxed atomics, one writer. No pairing is needed: no other memory is published through them, and a request that
// races with a change may see either value.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "engine/core/batch.hpp"
#include "engine/core/cache_line.hpp"
#include "engine/core/limits.hpp"
#include "sinks/breaker.hpp"

namespace sluice::sinks {

struct alignas(cache_line_bytes) SinkSignal {
    // The circuit breaker's state. Sinks without a breaker leave it closed.
    std::atomic<BreakerState> breaker{BreakerState::closed};
    // What the sink answers at present to everybody who waits; `delivered`: it takes samples. Set by a journal that is
    // full or broken. Other sinks leave it alone: their breaker tells.
    std::atomic<CommandOutcome> refuses{CommandOutcome::delivered};
    // Monotonic time at which the server is tried next; 0: no attempt is waited for.
    std::atomic<std::uint64_t> breaker_retry_ns{0};
    // While the breaker is half open and only new samples can show whether the server takes any again: the number of
    // this turn, for which each reactor may let one request through. Else 0.
    std::atomic<std::uint64_t> breaker_turn{0};
    // Of a cluster: the encoder's lanes whose server is away, one bit each.
    std::array<std::atomic<std::uint64_t>, limits::partitions_count_max / 64> lanes_away{};
};

static_assert(limits::partitions_count_max % 64 == 0, "lanes_away has whole words");
static_assert(alignof(SinkSignal) == cache_line_bytes, "it begins a cache line");
static_assert(sizeof(SinkSignal) == cache_line_bytes, "it fills one line, so nothing else of its owner stands there");
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<BreakerState>::is_always_lock_free &&
                  std::atomic<CommandOutcome>::is_always_lock_free,
              "reactors never wait for the writer");

// As the writer: stores only what has changed, so that readers keep the line.
template <typename Value>
void publish(std::atomic<Value>& shared, Value value) {
    if (shared.load(std::memory_order_relaxed) != value) shared.store(value, std::memory_order_relaxed);
}

[[nodiscard]] inline bool is_lane_away(const SinkSignal& signal, std::uint32_t lane) {
    return (signal.lanes_away[lane / 64].load(std::memory_order_relaxed) >> (lane % 64) & 1) != 0;
}
[[nodiscard]] inline std::uint32_t lanes_away_count(const SinkSignal& signal) {
    std::uint32_t count = 0;
    for (const auto& lanes : signal.lanes_away)
        count += static_cast<std::uint32_t>(std::popcount(lanes.load(std::memory_order_relaxed)));
    return count;
}

}  // namespace sluice::sinks
