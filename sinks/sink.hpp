// Sink: delivers batches to one destination. Lives on one sink thread (engine/delivery), which owns the
// loop: it hands batches on, waits on the sink's descriptor, and calls advance().
//
// A sink waits nowhere but in its loop, with two exceptions: the journal's waits for its disk, and one of Redis for
// getaddrinfo(3) or a Sentinel when it connects. A sink never drops a batch while the process lives, and settles
// every batch exactly once (Settlement::final), in the order of submission for those that succeed.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "engine/core/batch.hpp"
#include "sinks/figures.hpp"
#include "sinks/signal.hpp"

namespace sluice::sinks {

// Where a sink puts settled batches; the reactor's inbox lies behind it. Called on the sink thread.
class CompletionPort {
  public:
    virtual void settle(Batch& batch, Settlement settlement) = 0;

  protected:
    ~CompletionPort() = default;
};

// One server of a cluster, as an operator sees it.
struct NodeView {
    std::string address;
    SinkState state;
    std::uint32_t partitions_count;  // that go there
};

// What the sink waits for.
struct Interest {
    int fd = -1;  // lent: the sink owns it; -1: none
    short events = 0;  // poll(2) events
    std::uint64_t deadline_ns = 0;  // monotonic time at which advance() is wanted anyway; 0: never
};

// Of two deadlines as Interest has them; 0 is none.
[[nodiscard]] constexpr std::uint64_t earlier(std::uint64_t one_ns, std::uint64_t other_ns) {
    if (one_ns == 0 || other_ns == 0) return one_ns + other_ns;
    return one_ns < other_ns ? one_ns : other_ns;
}

class Sink {
  public:
    virtual ~Sink() = default;

    // Once, before anything else and before the engine listens: takes what must be there from the start (a directory,
    // a lock). Returns sentences worth logging, or the one that says why the engine cannot start.
    [[nodiscard]] virtual std::expected<std::vector<std::string>, std::string> open() { return {}; }

    // Whether submit() may be called now. A sink that is away has room until its own small window is full;
    // the rest waits in the queue and then in the reactors' batches, which is the bound.
    [[nodiscard]] virtual bool has_room() const = 0;
    virtual void submit(Batch& batch) = 0;

    [[nodiscard]] virtual Interest interest() const = 0;
    // `revents` of interest().fd (0 on a deadline or after submit()), `now_ns` monotonic.
    virtual void advance(short revents, std::uint64_t now_ns) = 0;

    // Both any thread, as long as the sink lives.
    [[nodiscard]] virtual const SinkSignal& signal() const = 0;
    [[nodiscard]] virtual SinkFigures figures() const = 0;
    // One sentence on the last failure, for /ready and /status; empty once a batch was delivered whole, or a connection
    // became ready with nothing kept after one that was lost. It may be set while the sink is ready, after `stored`
    // commands were refused. Any thread.
    [[nodiscard]] virtual std::string last_error() const = 0;

    // The servers that it is connected to, for the log: "host:port", of a name with the address that was reached,
    // several with commas between them. Empty: to none. The thread of the sink.
    [[nodiscard]] virtual std::string connected_to() const { return {}; }

    // The servers of a cluster that get something; empty for other sinks. Any thread.
    [[nodiscard]] virtual std::vector<NodeView> nodes() const { return {}; }
};

}  // namespace sluice::sinks
