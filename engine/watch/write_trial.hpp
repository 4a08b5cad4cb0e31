// Whether a server takes samples, found without writing one. Blocks; whoever may wait.
#pragma once

#include <string>
#include <vector>

#include "engine/watch/probe.hpp"
#include "sinks/redis/link/blocking_client.hpp"

namespace sluice::watch {

// Tries all keys of `subject`, its hidden one among them, at `client`, which is connected and may not be afterwards.
// Why a sample for one of them would be refused, in one sentence; empty: nothing is known that is in the way.
//
// To a stream: an XADD whose ID is 0-0, which Redis refuses last of all, when it has looked at the user, the memory and
// whether it is a primary (Redis 5.0.8, t_stream.c; before that the refusal left an empty stream). To a list: an RPUSH
// in a MULTI that is discarded; a user who may not MULTI leaves it unknown. LLEN and XLEN tell a key of another kind.
[[nodiscard]] std::string why_no_sample(sinks::redis::BlockingClient& client, const Subject& subject);

}  // namespace sluice::watch
