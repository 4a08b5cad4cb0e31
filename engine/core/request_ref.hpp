// RequestRef: names a request that was read and not yet answered. A batch carries it to the sink and back, so that its
// reactor finds whom to answer. A value; what it names may be gone by then, and its generation tells.
#pragma once

#include <cstdint>

namespace sluice {

struct RequestRef {
    std::uint32_t index;
    std::uint32_t generation;
};

}  // namespace sluice
