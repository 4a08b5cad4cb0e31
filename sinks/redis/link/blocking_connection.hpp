// A blocking connection of hiredis' for a few questions, with a time-out for each step. For whoever may wait: the
// watcher on its own thread, and a sink's thread while its server is away or silent.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <hiredis/hiredis.h>

#include "sinks/redis/link/settings.hpp"

namespace sluice::sinks::redis {

struct FreeContext {
    void operator()(redisContext* context) const { redisFree(context); }
};
using BlockingConnection = std::unique_ptr<redisContext, FreeContext>;

// Connects; `err` of the result says whether it did, null means that memory is out. A name may lead to addresses of
// both families while the server listens on one of them: then the other is tried, too, so connecting to a name may take
// twice `timeout_ns`.
[[nodiscard]] BlockingConnection connect_blocking(const ServerAddress& server, std::uint64_t timeout_ns);
[[nodiscard]] BlockingConnection connect_blocking_to_socket(const std::string& path, std::uint64_t timeout_ns);

// Why `connection`, which has just failed, did, in printable words; "no answer within 0.5 s" for a time-out. To be
// called before anything else changes errno.
[[nodiscard]] std::string why_failed(const BlockingConnection& connection, std::uint64_t timeout_ns);

}  // namespace sluice::sinks::redis
