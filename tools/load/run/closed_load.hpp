// ClosedLoad: users who each have a connection, send, wait for the answer, think, and send again.
//
// Users come and go by their stages; those with the lowest numbers are present. A user may be ready while its
// connection is not (it is being opened, or was lost). Then the user sends when the connection is open, and the wait
// counts as lag. With a pipeline of N a user has N requests in flight and treats each of them as described.
//
// On its load thread.
#pragma once

#include <queue>
#include <vector>

#include "tools/load/run/paced_load.hpp"

namespace sluice::load {

class ClosedLoad final : public PacedLoad {
  public:
    // `plan` outlives this.
    ClosedLoad(const RunPlan& plan, std::uint32_t thread, std::uint32_t users_count_max, Recorder& recorder);

    void attach(Client& client) override { client_ = &client; }
    void open_connections_count() override;
    void start(std::uint64_t start_ns) override;
    [[nodiscard]] bool pump(std::uint64_t now_ns) override;
    [[nodiscard]] std::uint64_t next_ns(std::uint64_t now_ns) const override;
    void stop() override;

    void on_room(Slot slot, std::uint64_t now_ns) override;
    void on_finished(Slot slot, std::uint64_t now_ns) override;
    void on_connect_failed(Slot slot, Fault fault, std::uint64_t now_ns) override;

  private:
    struct Wake {
        std::uint64_t at_ns;
        Slot slot;
        [[nodiscard]] bool operator>(const Wake& other) const { return at_ns > other.at_ns; }
    };
    struct User {
        std::uint32_t waiting_count = 0;  // requests that he is ready to send and cannot
        std::uint32_t resting_count = 0;  // requests that he does not make, since he is not there
        std::uint64_t ready_ns = 0;  // since when the first of waiting_count waits
    };

    [[nodiscard]] std::uint32_t users_count_at(std::uint64_t now_ns) const;
    void admit(std::uint64_t now_ns);
    void become_ready(Slot slot, std::uint64_t now_ns);
    void send_waiting(Slot slot);
    [[nodiscard]] std::uint64_t think_ns();
    [[nodiscard]] bool is_over(std::uint64_t now_ns) const;

    const RunPlan& plan_;
    Recorder& recorder_;
    Client* client_ = nullptr;
    std::uint32_t thread_;
    Random random_;
    std::vector<User> users_;
    std::priority_queue<Wake, std::vector<Wake>, std::greater<>> thinking_;
    std::uint32_t present_count_ = 0;  // users 0 to this
    std::uint64_t start_ns_ = 0, end_ns_ = 0;  // 0: not started
    std::uint64_t left_count_;  // requests that may still be made
    bool is_stopped_ = false;
};

}  // namespace sluice::load
