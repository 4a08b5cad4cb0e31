// Figures of a sink, for /metrics, /status, /ready and the log. One struct for each thing that a sink may have: every
// sink delivers; some have connections, replicas, a cluster or a journal. SinkFigures says what a sink has.
//
// The sink's thread writes them, many of them for each batch. The admin thread reads them; reactors do not
// (signal.hpp). Relaxed atomics, one writer, no pairing: no other memory is published through them. Each struct begins
// a cache line and fills whole ones, so it shares none with a SinkSignal.
#pragma once

#include <atomic>
#include <cstdint>

#include "engine/core/batch.hpp"
#include "sinks/signal.hpp"

namespace sluice::sinks {

enum class SinkState : std::uint8_t {
    connecting,  // not connected yet, or again; batches are kept
    ready,  // connected, authenticated, delivering
    stalled,  // connected, but the sink refuses commands; batches are kept and tried again
};

[[nodiscard]] constexpr const char* name_of(SinkState state) {
    switch (state) {
        case SinkState::connecting: return "connecting";
        case SinkState::ready: return "ready";
        case SinkState::stalled: return "stalled";
    }
    return "";
}

// Of every sink.
struct alignas(cache_line_bytes) DeliveryFigures {
    std::atomic<SinkState> state{SinkState::connecting};
    // The class of the last refusal: busy or refused.
    std::atomic<CommandOutcome> refusal{CommandOutcome::delivered};
    // Monotonic time of the last refusal; 0: something has succeeded since, or nothing was refused. A sink that keeps
    // nothing stays `ready` while it refuses: only the next batch shows whether it still does.
    std::atomic<std::uint64_t> refused_ns{0};
    std::atomic<std::uint64_t> batches_sent{0};  // resends included
    std::atomic<std::uint64_t> batches_resent{0};
    std::atomic<std::uint64_t> bytes_sent{0};
    std::atomic<std::uint64_t> replies_ok{0};
    std::atomic<std::uint64_t> replies_busy{0};  // error replies that a later try may not see
    std::atomic<std::uint64_t> replies_refused{0};  // error replies that an operator has to mend
    // The circuit breaker's; its state is in the signal.
    std::atomic<std::uint64_t> breaker_opens{0};
    std::atomic<std::uint32_t> breaker_failures{0};  // in a row
};

// Of a sink that connects to servers.
struct alignas(cache_line_bytes) LinkFigures {
    std::atomic<std::uint64_t> connects{0};  // connections that became ready
    std::atomic<std::uint64_t> connection_failures{0};
};

// Of a sink that can ask whether replicas have a batch.
struct alignas(cache_line_bytes) ReplicationFigures {
    std::atomic<std::uint64_t> waits{0};  // WAITs that were answered, or failed
    std::atomic<std::uint64_t> waits_short{0};  // of those: too few replicas, or nobody can tell
    std::atomic<bool> is_wait_refused{false};  // the last WAIT was answered with an error: nothing is `replicated`
};

// Of a sink that delivers exactly once.
struct alignas(cache_line_bytes) ExactlyOnceFigures {
    std::atomic<std::uint64_t> duplicates_refused{0};  // commands that Redis had already
};

// Of a cluster.
struct alignas(cache_line_bytes) ClusterFigures {
    std::atomic<std::uint64_t> redirects_moved{0};  // commands answered MOVED
    std::atomic<std::uint64_t> redirects_ask{0};  // commands answered ASK
    std::atomic<std::uint64_t> refreshes{0};  // times its slots were read
};

// Of a journal.
struct alignas(cache_line_bytes) JournalFigures {
    std::atomic<std::uint64_t> syncs{0};  // each confirmed all batches that had gathered
    std::atomic<std::uint64_t> bytes{0};  // on disk, with what is reserved
    std::atomic<std::uint64_t> bytes_max{0};
};

template <typename Figures>
inline constexpr bool has_own_lines = alignof(Figures) == cache_line_bytes && sizeof(Figures) % cache_line_bytes == 0;
static_assert(has_own_lines<DeliveryFigures> && has_own_lines<LinkFigures> && has_own_lines<ReplicationFigures> &&
              has_own_lines<ExactlyOnceFigures> && has_own_lines<ClusterFigures> && has_own_lines<JournalFigures>);

// What a sink has; null: not this kind of sink. The figures live as long as the sink.
struct SinkFigures {
    const DeliveryFigures& delivery;
    const LinkFigures* link = nullptr;
    const ReplicationFigures* replication = nullptr;
    const ExactlyOnceFigures* exactly_once = nullptr;
    const ClusterFigures* cluster = nullptr;
    const JournalFigures* journal = nullptr;
};

// Adds on the single writer's thread: a plain load and store, no locked instruction.
inline void add(std::atomic<std::uint64_t>& counter, std::uint64_t n) {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

// As the writer: the sink has just refused something, or no longer refuses.
inline void record_refusal(DeliveryFigures& figures, CommandOutcome refusal, std::uint64_t now_ns) {
    figures.refusal.store(refusal, std::memory_order_relaxed);
    figures.refused_ns.store(now_ns, std::memory_order_relaxed);
}
inline void forget_refusal(DeliveryFigures& figures) { publish(figures.refused_ns, std::uint64_t{0}); }

// As the writer: what others may know of the sink's breaker. breaker_turn is the sink's own business.
inline void publish_breaker(SinkSignal& signal, DeliveryFigures& figures, const Breaker& breaker) {
    publish(figures.breaker_failures, breaker.failures_count());
    publish(figures.breaker_opens, breaker.opens_count());
    publish(signal.breaker_retry_ns, breaker.retry_ns());
    publish(signal.breaker, breaker.state());
}

}  // namespace sluice::sinks
