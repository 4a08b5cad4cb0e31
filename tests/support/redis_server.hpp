// A real redis-server for a test: on a free loopback port or a unix socket, in a folder of its own, without
// persistence, killed by its pid at the end (and by the kernel if the test dies).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "sinks/redis/link/settings.hpp"

namespace sluice::tests {

class RedisServer {
  public:
    enum class Listen { tcp, unix_socket };

    // Whether a redis-server can be run here. Tests skip, and say so, where it cannot.
    [[nodiscard]] static bool available();

    // Starts the server with further `arguments` and waits until it answers PING; aborts the test run if it does not.
    explicit RedisServer(Listen listen = Listen::tcp, std::vector<std::string> arguments = {});
    ~RedisServer();
    RedisServer(const RedisServer&) = delete;
    RedisServer& operator=(const RedisServer&) = delete;

    // Where it listens; timeouts and pauses shortened for tests.
    [[nodiscard]] sinks::RedisSettings settings() const;

    void kill_hard();  // SIGKILL, and waits for its end
    void start_again();  // on the same port or socket; what it held is lost
    void stop_process();  // SIGSTOP: connections stay, nothing answers
    void continue_process();

    // One command over a new connection: the reply as text, arrays as space-separated elements, errors with their '-'.
    // `password` authenticates first if not empty.
    std::string command(const std::vector<std::string>& words, const std::string& password = {}) const;
    // The values of field `field` of all entries of stream `key`, in order.
    [[nodiscard]] std::vector<std::string> stream_values(const std::string& key, const std::string& field) const;

    [[nodiscard]] std::uint16_t port() const { return port_; }

  private:
    void launch();
    [[nodiscard]] bool answers() const;

    Listen listen_;
    std::vector<std::string> arguments_;
    std::string folder_;
    std::uint16_t port_ = 0;
    pid_t pid_ = -1;
};

// A loopback TCP port that was free a moment ago.
[[nodiscard]] std::uint16_t free_port();

}  // namespace sluice::tests
