// Sink: delivers batches over one connection. Lives on one sink thread (engine/sink_thread), which owns the
// loop: it hands batches on, waits on the sink's descriptor, and calls advance().
//
// A sink never blocks (the journal's does, on its disk alone), never drops a batch while the process lives, and settles
// every batch exactly once (Settlement::final), in the order of submission for those that succeed.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "engine/core/batch.hpp"
#include "engine/core/limits.hpp"
#include "sinks/breaker.hpp"

namespace sluice::sinks {

// Where a sink puts settled batches; the reactor's inbox lies behind it. Called on the sink thread.
class CompletionPort {
  public:
    virtual void settle(Batch& batch, Settlement settlement) = 0;

  protected:
    ~CompletionPort() = default;
};

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

// Written by the sink thread only, read by the admin thread and, as far as the breaker goes, by reactors: relaxed
// atomics, one writer, no pairing needed because no other memory is published through them.
struct SinkCounters {
    std::atomic<SinkState> state{SinkState::connecting};
    std::atomic<std::uint64_t> batches_sent{0};  // resends included
    std::atomic<std::uint64_t> bytes_sent{0};
    std::atomic<std::uint64_t> replies_ok{0};
    std::atomic<std::uint64_t> replies_busy{0};  // error replies that a later try may not see
    std::atomic<std::uint64_t> replies_refused{0};  // error replies that an operator has to mend
    std::atomic<std::uint64_t> connects{0};  // connections that became ready
    std::atomic<std::uint64_t> connection_failures{0};
    std::atomic<std::uint64_t> batches_resent{0};  // batches sent again: at-least-once
    std::atomic<std::uint64_t> duplicates_refused{0};  // commands that Redis had already: exactly once
    // Monotonic time of the last refusal if nothing has succeeded since, else 0; and its class, busy or refused. A sink
    // that keeps nothing stays `ready` while it refuses, and only the next batch shows whether it still does.
    std::atomic<std::uint64_t> refused_ns{0};
    std::atomic<CommandOutcome> refusal{CommandOutcome::delivered};
    // Of a cluster.
    std::atomic<std::uint64_t> redirects_moved{0};  // commands answered MOVED
    std::atomic<std::uint64_t> redirects_ask{0};  // commands answered ASK
    std::atomic<std::uint64_t> refreshes{0};  // times its slots were read
    std::atomic<std::uint64_t> waits{0};  // WAITs for replicas that were answered, or came to nothing
    std::atomic<std::uint64_t> waits_short{0};  // of those: too few replicas, or none can tell
    std::atomic<bool> is_wait_refused{
        false};  // the last of them was answered with an error: nobody is ever `replicated`
    // Of a journal; journal_bytes_max is 0 for other sinks.
    std::atomic<std::uint64_t> journal_syncs{0};  // each confirmed all batches that had gathered
    std::atomic<std::uint64_t> journal_bytes{0};  // on disk, with what is reserved
    std::atomic<std::uint64_t> journal_bytes_max{0};
    // The circuit breaker's; sinks without one leave it closed. Reactors look at it for each request, so it stands on a
    // cache line of its own, which is written only when the breaker moves.
    alignas(64) std::atomic<BreakerState> breaker{BreakerState::closed};
    std::atomic<std::uint32_t> breaker_failures{0};  // in a row
    std::atomic<std::uint64_t> breaker_opens{0};
    std::atomic<std::uint64_t> breaker_retry_ns{0};  // monotonic: when the server is tried next; 0: not waiting
    // While it is half open and only new samples can show whether the server takes any again: the number of this turn,
    // for which each reactor may let one request through. Else 0.
    std::atomic<std::uint64_t> breaker_turn{0};
    // Of a cluster: the encoder's lanes whose server is away, a bit each. Reactors look at it as at the breaker.
    std::array<std::atomic<std::uint64_t>, limits::partitions_count_max / 64> lanes_away{};
};

[[nodiscard]] inline bool is_lane_away(const SinkCounters& counters, std::uint32_t lane) {
    return (counters.lanes_away[lane / 64].load(std::memory_order_relaxed) >> (lane % 64) & 1) != 0;
}
[[nodiscard]] inline std::uint32_t lanes_away_count(const SinkCounters& counters) {
    std::uint32_t count = 0;
    for (const auto& lanes : counters.lanes_away)
        count += static_cast<std::uint32_t>(std::popcount(lanes.load(std::memory_order_relaxed)));
    return count;
}

// Adds on the single writer's thread: a plain load and store, no locked instruction.
inline void add(std::atomic<std::uint64_t>& counter, std::uint64_t n) {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

// As the writer: the sink has just refused something, or no longer refuses.
inline void note_refusal(SinkCounters& counters, CommandOutcome refusal, std::uint64_t now_ns) {
    counters.refusal.store(refusal, std::memory_order_relaxed);
    counters.refused_ns.store(now_ns, std::memory_order_relaxed);
}
inline void forget_refusal(SinkCounters& counters) {
    if (counters.refused_ns.load(std::memory_order_relaxed) != 0)
        counters.refused_ns.store(0, std::memory_order_relaxed);
}

// As the writer: writes only what has changed, for others read it all the time.
template <typename Value>
void publish(std::atomic<Value>& counter, Value value) {
    if (counter.load(std::memory_order_relaxed) != value) counter.store(value, std::memory_order_relaxed);
}

// As the writer: what others may know of the sink's breaker. breaker_turn is the sink's own business.
inline void publish_breaker(SinkCounters& counters, const Breaker& breaker) {
    publish(counters.breaker_failures, breaker.failures_count());
    publish(counters.breaker_opens, breaker.opens_count());
    publish(counters.breaker_retry_ns, breaker.retry_ns());
    publish(counters.breaker, breaker.state());
}

// One server of a cluster, as an operator sees it.
struct NodeView {
    std::string address;
    SinkState state;
    std::uint32_t partitions_count;  // that go there
};

// What the sink waits for.
struct Interest {
    int fd = -1;  // -1: none
    short events = 0;  // poll(2) events
    std::uint64_t deadline_ns = 0;  // monotonic time at which advance() is wanted anyway; 0: never
};

class Sink {
  public:
    virtual ~Sink() = default;

    // Once, before anything else and before the engine listens: takes what must be there from the start (a directory,
    // a lock). Returns sentences worth logging, or the one that says why the engine can not start.
    [[nodiscard]] virtual std::expected<std::vector<std::string>, std::string> open() { return {}; }

    // Whether submit() may be called now. A sink that is away has room until its own small window is full;
    // the rest waits in the queue and then in the reactors' batches, which is the bound.
    [[nodiscard]] virtual bool has_room() const = 0;
    virtual void submit(Batch& batch) = 0;

    [[nodiscard]] virtual Interest interest() const = 0;
    // `revents` of interest().fd (0 on a deadline or after submit()), `now_ns` monotonic.
    virtual void advance(short revents, std::uint64_t now_ns) = 0;

    [[nodiscard]] virtual const SinkCounters& counters() const = 0;
    // One sentence on the last failure, for /ready and /status; empty once a batch was delivered whole, or a connection
    // became ready with nothing kept after one that was lost. So it may be set while ready: commands that somebody
    // waited for were refused. Any thread.
    [[nodiscard]] virtual std::string trouble() const = 0;

    // The servers of a cluster that get something; empty for other sinks. Any thread.
    [[nodiscard]] virtual std::vector<NodeView> nodes() const { return {}; }
};

}  // namespace sluice::sinks
