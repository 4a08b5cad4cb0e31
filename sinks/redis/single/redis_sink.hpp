// The Redis sink: delivers batches over one connection, at least once, and never drops one.
//
// Parts: Link connects, greets and reads replies, RetryPolicy says when to try again, DeliveryWindow keeps the books;
// RedisSink is the loop body that joins them. What it guarantees:
//   - batches are sent as they are, several with one sendmsg, in the order of submit();
//   - a lost connection, a reply that cannot be one, or no reply for reply_timeout_ns: the connection is dropped,
//     made anew after a jittered, growing pause, and what has no reply yet is sent again;
//   - refused commands that nobody waits for are kept and tried again: soon where Redis is busy, at
//     backoff_max_ns where an operator must act; meanwhile the state is `stalled`.
//
// Sink thread only, except signal(), figures() and last_error().
//
// Rejected: hiredis' async API (its own callbacks, a copy and an allocation per command); CLIENT REPLY OFF
// (nobody would know what was stored); giving up after N attempts (a 2xx was given for what is held).
#pragma once

#include <memory>

#include "sinks/redis/link/settings.hpp"
#include "sinks/sink.hpp"

namespace sluice::sinks {

// Connects at the first advance(). `port` must outlive the sink.
[[nodiscard]] std::unique_ptr<Sink> make_redis_sink(const RedisSettings& settings, CompletionPort& port);

}  // namespace sluice::sinks
