// Tells the log how a server is set up against loss, where it could lose what was acknowledged. Sampler's thread.
#pragma once

#include <string>

#include "sinks/redis/link/blocking_client.hpp"

namespace sluice::admission {

// Asks `client`, which is connected, and may not be afterwards. `server` names it among several; empty: there is only
// one.
void remark_on_setup(sinks::redis::BlockingClient& client, const std::string& server);

}  // namespace sluice::admission
