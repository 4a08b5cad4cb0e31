// The request methods that Sluice tells apart.
#pragma once

#include <cstdint>

namespace sluice::parsers {

// `other`: known to HTTP, and taken by no endpoint. Unknown methods never come this far.
enum class Method : std::uint8_t { get, head, post, options, other };

}  // namespace sluice::parsers
