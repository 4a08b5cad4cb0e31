// OpenLoad: requests fall due by the schedule, free connection or not.
//
// A backlog is only a number. A second cursor reads from the schedule when the oldest request should have been sent.
// Connections with room are in a queue, so that all of them are used in turn.
//
// On its load thread.
#pragma once

#include <vector>

#include "tools/load/run/paced_load.hpp"

namespace sluice::load {

class OpenLoad final : public PacedLoad {
  public:
    // `plan` outlives this.
    OpenLoad(const RunPlan& plan, std::uint32_t thread, std::uint32_t connections_count, Recorder& recorder);

    void attach(Client& client) override { client_ = &client; }
    void open_connections_count() override;
    void start(std::uint64_t start_ns) override;
    [[nodiscard]] bool pump(std::uint64_t now_ns) override;
    [[nodiscard]] std::uint64_t next_ns(std::uint64_t now_ns) const override;
    void stop() override;

    void on_room(Slot slot, std::uint64_t now_ns) override;
    void on_finished(Slot, std::uint64_t) override {}
    void on_connect_failed(Slot slot, Fault fault, std::uint64_t now_ns) override;

  private:
    [[nodiscard]] bool take_room(Slot& slot);
    void count_due(std::uint64_t now_ns, std::uint64_t count_max);
    void fail_oldest(Fault fault);
    void fail_backlog(Fault fault);
    [[nodiscard]] std::uint64_t patience_end_ns() const;

    const RunPlan& plan_;
    Recorder& recorder_;
    Client* client_ = nullptr;
    Arrivals due_;                 // the next request that falls due
    Arrivals oldest_;              // the next request to be sent
    std::uint64_t backlog_count_ = 0;  // due and not sent
    std::uint64_t start_ns_ = 0;   // 0: not started
    std::uint64_t end_ns_ = 0;  // of the schedule; of a run that ends by count: when the last request fell due
    std::uint32_t connections_count_;
    Fault last_fault_ = Fault::never_sent;  // why no connection is there; never_sent if there is one
    bool is_stopped_ = false;
    std::vector<Slot> rooms_;  // a ring
    std::vector<bool> is_in_rooms_;
    std::size_t rooms_first_ = 0, rooms_count_ = 0;
};

}  // namespace sluice::load
