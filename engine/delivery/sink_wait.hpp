// Waits for what a sink waits for, or for whoever wakes its thread. Shared by SinkThread and the forwarder.
#pragma once

#include <cstdint>

#include "sinks/sink.hpp"

namespace sluice {

struct SinkWaited {
    short revents = 0;      // of the sink's descriptor: for its advance()
    bool is_woken = false;  // `wake_fd` is readable
};

// Until interest.fd has one of its events, `wake_fd` (-1: none) is readable, or `deadline_ns` (monotonic; 0: none) has
// come. interest.deadline_ns is not looked at: the caller knows whether it has an earlier one. A signal ends it too.
[[nodiscard]] SinkWaited wait_for_sink(const sinks::Interest& interest, int wake_fd, std::uint64_t deadline_ns,
                                       std::uint64_t now_ns);

}  // namespace sluice
