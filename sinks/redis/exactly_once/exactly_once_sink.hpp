// The Redis sink that neither loses nor doubles a sample: sink.redis.exactly_once. For batches whose commands are XADDs
// with IDs of our own, into streams that nobody else writes; the journal in front of it makes both possible.
//
// Parts: Link connects, greets and reads replies, Handshake says what the sink needs to know, RetryPolicy says when to
// try again, TransactionWindow keeps the books; this is the loop body that joins them. What it guarantees:
//   - a batch is settled when Redis has each of its samples, once: added now, or before;
//   - one transaction at a time: a refusal, or a connection that breaks, leaves no gap
//     behind which later samples stand;
//   - a stream that holds what it cannot hold (somebody else writes it, or the journal was
//     rolled back) ends delivery for good: the state is `stalled`, and nothing counts as
//     delivered from then on.
//
// Sink thread only, except signal(), figures() and last_error(). Not for Redis Cluster: the transaction spans the
// partitions.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sinks/redis/layout/entry_id.hpp"
#include "sinks/redis/link/settings.hpp"
#include "sinks/sink.hpp"

namespace sluice::sinks {

// Whose streams they are.
struct StreamOwner {
    std::string instance;  // the engine's name in the keys; empty: streams are not owned
    EntryId known_last;  // the last that the journal could hold when the engine started: none above it is from an
                         // earlier life
    std::string conflict;  // found in an earlier life, a sentence: nothing is delivered
    std::function<void(const std::string&)> on_conflict;  // called once, on the sink's thread
};

struct OwnedStreams {
    std::string index_key;  // the set that lists the streams of all engines
    std::vector<std::string> keys;  // of each partition
    StreamOwner owner;
};

// Connects at the first advance(). `port` must outlive the sink.
[[nodiscard]] std::unique_ptr<Sink> make_exactly_once_sink(const RedisSettings& settings, const OwnedStreams& streams,
                                                           CompletionPort& port);

}  // namespace sluice::sinks
