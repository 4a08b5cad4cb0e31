// BlockingClient: asks a Redis server or a Sentinel, and waits for the answer, with a time-out for each step. For
// whoever may wait: the watcher, the search for a primary while there is none, and tools. One thread.
//
// Not for samples: hiredis builds an object for each reply and allocates for each command.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sinks/redis/link/address_book.hpp"
#include "sinks/redis/link/blocking_connection.hpp"
#include "sinks/redis/link/connect_attempt.hpp"
#include "sinks/redis/link/settings.hpp"
#include "sinks/redis/resp/reply.hpp"
#include "sinks/redis/tls/client.hpp"

namespace sluice::sinks::redis {

using Command = std::vector<std::string>;

class BlockingClient {
  public:
    // Each step (connecting, a reply) may take settings.connect_timeout_ns; the addresses of a name share that of
    // connecting. `name`: what CLIENT LIST shows; empty: none.
    explicit BlockingClient(RedisSettings settings, std::string name = {});
    BlockingClient(const BlockingClient&) = delete;
    BlockingClient& operator=(const BlockingClient&) = delete;

    [[nodiscard]] bool is_connected() const { return connection_ != nullptr; }
    // Connects to the first address that takes a connection, speaks TLS if it is to, authenticates and selects. False:
    // failure() says why. The next call begins with another address then.
    [[nodiscard]] bool connect();
    // The server is of no use now, as `why` says: closes the connection. The next connect() tries the other addresses
    // of its name first. Needs is_connected().
    void leave(const std::string& why);
    // How many addresses the server had at the last connect().
    [[nodiscard]] std::size_t addresses_count() const { return attempt_.size(); }
    // The next connect() makes another connection.
    void close() { connection_.reset(); }
    // Sends all `commands` at once. Their replies, error replies among them; none if the connection broke, which is
    // closed then. Needs is_connected().
    [[nodiscard]] std::vector<Reply> ask(const std::vector<Command>& commands);
    // The same of one; null if the connection broke.
    [[nodiscard]] Reply ask(const Command& command);

    // Why the connection is closed, in one sentence without a password; empty: it never failed.
    [[nodiscard]] const std::string& failure() const { return failure_; }

    // "host:port" or the socket's path; of a name, with the address that was tried last.
    [[nodiscard]] std::string peer() const { return attempt_.peer(); }
    // "host:port" or the socket's path; empty where the server was not found.
    [[nodiscard]] const std::string& server_name() const { return attempt_.name(); }
    // Whether the server was given by a name. After connect().
    [[nodiscard]] bool has_name() const { return attempt_.has_name(); }

  private:
    [[nodiscard]] bool connect_to_one();
    [[nodiscard]] BlockingConnection connect_to_address() const;
    [[nodiscard]] bool load_tls();
    [[nodiscard]] bool secure();
    [[nodiscard]] std::string why_lost() const;
    [[nodiscard]] bool greet(const std::string& password);
    [[nodiscard]] bool may_stay(const redisReply& reply);
    [[nodiscard]] bool send(const Command& command);
    void fail(const std::string& why);
    void connection_failed();

    const RedisSettings settings_;
    const std::string name_;
    const std::shared_ptr<AddressBook> addresses_;
    ConnectAttempt attempt_;
    BlockingConnection connection_;
    std::optional<TlsClient> tls_;  // as the files were at connect(); none without TLS
    bool has_answered_ = false;  // anything, over this connection
    std::string refusal_;  // the last reply of the present ask(), if it was an error
    std::string failure_;
};

}  // namespace sluice::sinks::redis
