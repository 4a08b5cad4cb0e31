// ReactorPort: what the admin thread asks of a reactor. Implemented by the reactor.
#pragma once

#include "engine/admin/snapshot.hpp"
#include "engine/server/mailbox.hpp"

namespace sluice {

class ReactorPort {
  public:
    // Any thread. Runs `task` on the reactor's thread, soon; never once the reactor has ended. False: its mailbox is
    // full, and `task` will not run.
    [[nodiscard]] virtual bool post(Mailbox::Task task) = 0;
    // Any thread. The reactor's thread has left its loop: fill() and reset_counters() may be called from another.
    [[nodiscard]] virtual bool has_ended() const = 0;

    // The reactor's thread, in a task; or another once has_ended().
    // Overwrites every member of `snapshot`, in the memory that it has.
    virtual void fill(Snapshot& snapshot) = 0;
    // What is in flight stays counted as received and accepted, so that the conservation law still holds.
    virtual void reset_counters() = 0;

  protected:
    ~ReactorPort() = default;
};

}  // namespace sluice
