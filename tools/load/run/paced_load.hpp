// PacedLoad: when the requests of one load thread are sent. OpenLoad keeps to a schedule whatever the server does;
// ClosedLoad has users who wait for their answers. On its load thread.
#pragma once

#include <cstdint>
#include <limits>

#include "tools/load/plan/run_plan.hpp"
#include "tools/load/run/client.hpp"

namespace sluice::load {

// What next_ns() says when there is nothing to wait for.
inline constexpr std::uint64_t far_ns = std::numeric_limits<std::uint64_t>::max();

class PacedLoad : public Pacer {
  public:
    virtual ~PacedLoad() = default;
    // The client that it drives is made after it. Call once, before anything else.
    virtual void attach(Client& client) = 0;
    // Before the start: the connections that are to be open then.
    virtual void open_connections_count() = 0;
    virtual void start(std::uint64_t start_ns) = 0;
    // Issues what is due. False once nothing will be issued any more.
    [[nodiscard]] virtual bool pump(std::uint64_t now_ns) = 0;
    // When pump() should be called next at the latest.
    [[nodiscard]] virtual std::uint64_t next_ns(std::uint64_t now_ns) const = 0;
    // The run was interrupted: nothing is issued any more, and what was due and waits to be sent has failed.
    virtual void stop() = 0;
};

}  // namespace sluice::load
