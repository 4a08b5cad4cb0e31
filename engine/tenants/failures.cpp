#include "engine/tenants/failures.hpp"

namespace sluice::tenants {

std::size_t Failures::place_of(const IpAddress& address) const {
    return hash_of(counted_address(address), seed_) % places_count;
}

bool Failures::note(const IpAddress& address, std::uint64_t now_ns) {
    const std::uint64_t second = (now_ns / 1'000'000'000) & 0xffff'ffff;
    std::atomic<std::uint64_t>& place = places_[place_of(address)];
    std::uint64_t seen = place.load(std::memory_order_relaxed);
    std::uint64_t next = 0;
    do {  // ends: another thread's success changes `seen`, and there are few threads
        next = (seen >> 32) == second ? seen + 1 : second << 32 | 1;
    } while (!place.compare_exchange_weak(seen, next, std::memory_order_relaxed));
    return (next & 0xffff'ffff) <= per_second_count_max;
}

}  // namespace sluice::tenants
