// SnapshotCollector: asks every reactor for a snapshot, and waits for all of them. Runs on the admin thread; reactors
// never wait for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <semaphore>
#include <span>
#include <vector>

#include "engine/admin/reactor_port.hpp"
#include "engine/admin/snapshot.hpp"

namespace sluice {

class SnapshotCollector {
  public:
    static constexpr std::chrono::milliseconds patience_default{1000};
    // How long one collect() may take.
    explicit SnapshotCollector(std::chrono::milliseconds patience = patience_default) : patience_(patience) {}

    // Once, before the first collect(): whom to ask, in the order of the configuration's cores. They outlive this.
    void connect(std::vector<ReactorPort*> reactors);

    // `resets`: each reactor also sets its counters to zero. False: one did not answer in time. Blocks this thread.
    [[nodiscard]] bool collect(bool resets);
    // Of the last collect() that succeeded.
    [[nodiscard]] std::span<const std::unique_ptr<Snapshot>> snapshots() const { return snapshots_; }

  private:
    // Shared with the reactor: one that was asked and has not answered in time still writes to it. It is not asked
    // again until it has answered.
    // `snapshot` is the reactor's from post() until it releases `answered`, else the admin thread's. The others
    // are always the admin thread's.
    struct Request {
        Snapshot snapshot;
        std::binary_semaphore answered{0};
        bool is_outstanding = false;
        bool resets = false;  // what was asked for last
    };
    enum class Wait : std::uint8_t { answered, ended, timed_out };

    void ask(std::size_t reactor_index, bool resets);
    [[nodiscard]] bool receive(std::size_t reactor_index, bool resets, std::chrono::steady_clock::time_point deadline);
    [[nodiscard]] Wait wait_for(std::size_t reactor_index, std::chrono::steady_clock::time_point deadline);

    const std::chrono::milliseconds patience_;
    std::vector<ReactorPort*> reactors_;
    std::vector<std::shared_ptr<Request>> requests_;
    std::vector<std::unique_ptr<Snapshot>> snapshots_;
};

}  // namespace sluice
