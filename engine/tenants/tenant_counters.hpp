// What a reactor counts of each tenant. The reactor's thread; others read copies.
#pragma once

#include <cstdint>

namespace sluice::tenants {

struct TenantCounters {
    std::uint64_t requests = 0;  // that were let in by token and quota
    std::uint64_t body_bytes = 0;  // of these, as they came
    std::uint64_t samples_accepted = 0;
    std::uint64_t samples_rejected = 0;  // one by one; not those of a request that was refused as a whole
    std::uint64_t over_quota = 0;  // requests and connections

    void add(const TenantCounters& other) {
        requests += other.requests;
        body_bytes += other.body_bytes;
        samples_accepted += other.samples_accepted;
        samples_rejected += other.samples_rejected;
        over_quota += other.over_quota;
    }
};

}  // namespace sluice::tenants
