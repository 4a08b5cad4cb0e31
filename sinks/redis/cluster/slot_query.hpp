// SlotQuery: asks one node for the cluster's slots, over a connection of its own that ends with the answer. Never
// blocks (but for a host name, see Session). Sink thread only.
//
// A connection of its own, because on those that deliver only simple replies are taken.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "sinks/redis/cluster/slot_map.hpp"
#include "sinks/redis/link/connect_timer.hpp"
#include "sinks/redis/link/session.hpp"
#include "sinks/redis/link/settings.hpp"

struct redisReader;

namespace sluice::sinks::redis {

class SlotQuery {
  public:
    // `settings`: of any node.
    explicit SlotQuery(RedisSettings settings);

    [[nodiscard]] bool is_running() const { return session_ != nullptr; }
    // Needs that none is running.
    void begin(const ServerAddress& node, std::uint64_t now_ns);
    // The answer, or a sentence that says why there is none; nothing while it is running.
    using Answer = std::expected<SlotMap, std::string>;
    [[nodiscard]] std::optional<Answer> advance(short revents, std::uint64_t now_ns);

    [[nodiscard]] int fd() const { return session_ == nullptr ? -1 : session_->fd(); }
    [[nodiscard]] std::uint64_t fd_generation() const { return sockets_count_; }
    [[nodiscard]] short events() const { return session_->events(); }
    // When advance() is wanted although nothing happens; 0: never.
    [[nodiscard]] std::uint64_t deadline_ns() const;

  private:
    struct FreeReader {
        void operator()(redisReader* reader) const;
    };

    [[nodiscard]] std::optional<Answer> step(short revents, std::uint64_t now_ns);
    [[nodiscard]] std::optional<Answer> ask();
    [[nodiscard]] std::optional<Answer> read_answer();
    [[nodiscard]] Answer leave(const std::string& why);
    [[nodiscard]] Answer fail(const std::string& why) const;

    RedisSettings settings_;
    std::unique_ptr<Session> session_;
    std::unique_ptr<redisReader, FreeReader> reader_;  // from the moment the question is sent
    ConnectTimer timer_;  // of the whole query
    std::uint64_t sockets_count_ = 0;
};

}  // namespace sluice::sinks::redis
