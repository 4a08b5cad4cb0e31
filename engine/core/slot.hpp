// Slot: the number of a connection within one server. Small, dense, reused when the connection is closed.
#pragma once

#include <cstdint>

namespace sluice {

using Slot = std::uint32_t;

}  // namespace sluice
