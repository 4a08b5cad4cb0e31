// The unit in which cores share memory: what one thread writes often stands on lines of its own. 64 bytes on x86-64 and
// on the arm64 servers that Linux runs on; std::hardware_destructive_interference_size is no constant of the ABI.
#pragma once

#include <cstddef>

namespace sluice {

inline constexpr std::size_t cache_line_bytes = 64;

}  // namespace sluice
