// What a reactor counts about Prometheus remote write beside what it counts of each format. The reactor's thread;
// others read copies.
#pragma once

#include <cstdint>

namespace sluice {

struct RemoteWriteCounters {
    std::uint64_t retried_requests = 0;  // whose header Retry-Attempt says that they came before
};

}  // namespace sluice
