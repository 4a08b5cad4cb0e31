// From a target's host name to the addresses that connections are made to.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "tools/load/plan/target.hpp"
#include "tools/load/run/client.hpp"

namespace sluice::load {

// At least one address; else a sentence that says why there is none.
[[nodiscard]] std::expected<std::vector<ServerAddress>, std::string> resolve(const Target& target);

}  // namespace sluice::load
