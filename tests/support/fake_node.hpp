// A node of a cluster that answers each command as a test says, on its own thread, to any number of connections.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sinks/redis/link/settings.hpp"

namespace sluice::tests {

class FakeNode {
  public:
    // The reply to a command, whose words are joined by spaces; "hang up" closes the connection instead. Called on the
    // node's thread. PING and CLIENT are answered without asking.
    using Answer = std::function<std::string(const std::string& command)>;

    // Listens on a numeric address of loopback, 127.0.0.0/8; on any free port for port 0.
    explicit FakeNode(const char* address = "127.0.0.1", std::uint16_t port = 0);
    ~FakeNode();
    FakeNode(const FakeNode&) = delete;
    FakeNode& operator=(const FakeNode&) = delete;

    // Before a client comes.
    void start(Answer answer);

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] sinks::ServerAddress address() const { return {"127.0.0.1", port_}; }
    // "<slot> 127.0.0.1:<port>", as redirects have it.
    [[nodiscard]] std::string target_of(std::uint16_t slot) const;
    // XADD, ASKING, WAIT and WAITAOF as they came, in their order over all connections.
    [[nodiscard]] std::vector<std::string> commands() const;

  private:
    void serve();
    [[nodiscard]] bool serve_client(int fd, std::string& received);
    [[nodiscard]] std::string answer_to(const std::string& command);

    Answer answer_;
    std::map<int, std::string> clients_;  // what was received of each and is no whole command yet
    mutable std::mutex mutex_;  // guards commands_
    std::vector<std::string> commands_;
    int listener_ = -1;
    int stop_pipe_[2] = {-1, -1};
    std::uint16_t port_ = 0;
    std::thread thread_;
};

}  // namespace sluice::tests
