// How a server is set up against loss, where it could lose what was acknowledged. Watcher's thread.
#pragma once

#include <string>

#include "engine/watch/probe.hpp"
#include "sinks/redis/link/blocking_client.hpp"

namespace sluice::watch {

// Asks `client`, which is connected, and may not be afterwards; `user` is who asks. What there is to say goes behind
// what `findings` has. `server` names it among several; empty: there is only one. `has_length_bound`: see Subject.
void add_setup_remarks(sinks::redis::BlockingClient& client, const std::string& user, const std::string& server,
                       bool has_length_bound, Findings& findings);

// Writes to the log what add_setup_remarks() has found.
void log_setup(const Findings& findings);

}  // namespace sluice::watch
