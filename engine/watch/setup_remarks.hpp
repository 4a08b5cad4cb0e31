// Tells the log how a server is set up against loss, where it could lose what was acknowledged. Watcher's thread.
#pragma once

#include <string>

#include "sinks/redis/link/blocking_client.hpp"

namespace sluice::watch {

// Asks `client`, which is connected, and may not be afterwards. `server` names it among several; empty: there is only
// one. `has_length_bound`: see Subject.
void remark_on_setup(sinks::redis::BlockingClient& client, const std::string& server, bool has_length_bound);

}  // namespace sluice::watch
