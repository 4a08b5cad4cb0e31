// A blocking connection of hiredis' for a few questions, with a time-out for each step. For whoever may wait: the
// watcher on its own thread, and a sink's thread while its server is away or silent.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <hiredis/hiredis.h>

#include "sinks/redis/tls/client.hpp"

namespace sluice::sinks::redis {

struct FreeContext {
    void operator()(redisContext* context) const { redisFree(context); }
};
using BlockingConnection = std::unique_ptr<redisContext, FreeContext>;

// How long a step may take.
struct BlockingTimeouts {
    std::uint64_t connect_ns;
    std::uint64_t reply_ns;
};

// Connects to a numeric address; `err` of the result says whether it did, null means that memory is out.
[[nodiscard]] BlockingConnection connect_blocking(const std::string& address, std::uint16_t port,
                                                  const BlockingTimeouts& timeouts);
[[nodiscard]] BlockingConnection connect_blocking_to_socket(const std::string& path, const BlockingTimeouts& timeouts);

// TLS with `host` over `connection`, which has just been made, by hiredis' own means. Returns why it failed, as a
// clause; empty: it did not. `timeout_ns`: of a reply, for the clause.
[[nodiscard]] std::string secure_blocking(BlockingConnection& connection, const TlsClient& client,
                                          const std::string& host, std::uint64_t timeout_ns);

// Why `connection`, which has just failed, did, in printable words; "no answer within 0.5 s" for a time-out of
// `timeout_ns`. To be called before anything else changes errno.
[[nodiscard]] std::string why_failed(const BlockingConnection& connection, std::uint64_t timeout_ns);

}  // namespace sluice::sinks::redis
