// A server that says what a test tells it to, on its own thread: answers a client's commands from a script, in
// pieces of a chosen size, and hangs up where the script says so. For replies that no real Redis sends.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "sinks/redis/link/settings.hpp"

namespace sluice::tests {

class ScriptedServer {
  public:
    // What one connection answers, after the greeting (CLIENT SETNAME and PING), which it answers properly.
    struct Connection {
        std::string replies;             // sent when the first command after the greeting arrives, instead of any
                              // other answer; empty: every command is answered with a stream id
        bool hang_up = false;  // close afterwards
        std::string greeting = "+OK\r\n+PONG\r\n";
        std::size_t greeting_commands_count = 2;
        std::size_t piece_bytes = 1;  // bytes for each send(2)
    };

    // The n-th connection follows the n-th script, all further ones the last.
    explicit ScriptedServer(std::vector<Connection> scripts);
    ~ScriptedServer();
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;

    [[nodiscard]] sinks::RedisSettings settings() const;
    // The commands that came after the greeting, for each connection: their words joined by spaces.
    // Call after stop().
    [[nodiscard]] const std::vector<std::vector<std::string>>& commands() const { return commands_; }
    void stop();

  private:
    void serve();
    void serve_connection(int fd, const Connection& script);

    std::vector<Connection> scripts_;
    std::vector<std::vector<std::string>> commands_;  // the server's thread writes; read after stop()
    int listener_ = -1;
    int stop_pipe_[2] = {-1, -1};
    std::uint16_t port_ = 0;
    std::thread thread_;
};

}  // namespace sluice::tests
