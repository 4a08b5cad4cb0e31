// RedisClient: a blocking connection for questions, with time-outs. Used on the sampler's thread only.
//
// Not for samples: hiredis builds an object for each reply and allocates for each command.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/redis/link/blocking_connection.hpp"
#include "sinks/redis/link/settings.hpp"

struct redisReply;

namespace sluice::admission {

struct FreeReply {
    void operator()(redisReply* reply) const;
};
using Reply = std::unique_ptr<redisReply, FreeReply>;
using Command = std::vector<std::string>;

class RedisClient {
  public:
    // Each step (connecting, a reply) may take settings.connect_timeout_ns.
    explicit RedisClient(const sinks::RedisSettings& settings);
    ~RedisClient();
    RedisClient(const RedisClient&) = delete;
    RedisClient& operator=(const RedisClient&) = delete;

    [[nodiscard]] bool is_connected() const { return connection_ != nullptr; }
    // Connects, authenticates and selects. False: failure() says why.
    [[nodiscard]] bool connect();
    // Sends all `commands` at once. Their replies, error replies among them; none if the connection broke, which is
    // closed.
    [[nodiscard]] std::vector<Reply> ask(const std::vector<Command>& commands);

    // One sentence; holds no password.
    [[nodiscard]] const std::string& failure() const { return failure_; }

  private:
    [[nodiscard]] bool greet();
    void fail(const std::string& why);
    void connection_failed();

    const sinks::RedisSettings settings_;
    sinks::redis::BlockingConnection connection_;
    std::string failure_;
};

[[nodiscard]] bool is_error(const redisReply& reply);
// Of a string, a status or an error; else empty. Valid as long as `reply`.
[[nodiscard]] std::string_view text_of(const redisReply& reply);

}  // namespace sluice::admission
