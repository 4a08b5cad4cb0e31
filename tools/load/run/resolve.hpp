// From the host name of a target to the addresses that connections are made to. Blocks; the calling thread, before the
// load threads start.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "tools/load/plan/target.hpp"
#include "tools/load/run/client.hpp"

namespace sluice::load {

using Addresses = std::vector<ServerAddress>;  // at least one, all of one family

// The sentence says why there is none.
[[nodiscard]] std::expected<Addresses, std::string> resolve(const Target& target);

// Of a name with several addresses a server often listens on some only (one family, one of two machines): those of the
// first family that take a connection, which is closed at once. All of the first family if none does, so that the run's
// own attempts tell why. A single address is not tried.
[[nodiscard]] Addresses choose_family(const std::vector<Addresses>& families);

}  // namespace sluice::load
