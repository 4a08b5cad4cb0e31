// Clients: asks the Redis that has a stream. Of a cluster it finds the node, and follows where it moves to. For whoever
// may wait: the thread of dead letters, and tools. One thread.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/redis/link/blocking_client.hpp"
#include "sinks/redis/resp/reply.hpp"

namespace sluice::dead_letters {

class Clients {
  public:
    // `redis`: how to treat the server, or those of a cluster, of which `seeds` are known.
    Clients(sinks::RedisSettings redis, std::vector<sinks::ServerAddress> seeds)
        : redis_(std::move(redis)), seeds_(std::move(seeds)) {}

    // The reply, which may be an error; null: Redis cannot be reached, and failure() says why.
    [[nodiscard]] sinks::redis::Reply ask(const std::string& stream, const sinks::redis::Command& command);
    [[nodiscard]] const std::string& failure() const { return failure_; }

  private:
    [[nodiscard]] sinks::redis::BlockingClient* client_of(const std::string& stream);
    [[nodiscard]] std::string server_of(const std::string& stream) const;
    void learn_owner(const std::string& stream, std::string_view error);

    const sinks::RedisSettings redis_;
    const std::vector<sinks::ServerAddress> seeds_;
    std::size_t seed_index_ = 0;  // of the one that is asked where the owner of a stream is not known
    std::map<std::string, std::unique_ptr<sinks::redis::BlockingClient>> clients_;  // by "host:port"; "": the server
    std::map<std::string, std::string> owners_;  // of streams: "host:port"
    std::string failure_;
};

}  // namespace sluice::dead_letters
