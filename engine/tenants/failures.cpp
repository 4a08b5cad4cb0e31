#include "engine/tenants/failures.hpp"

#include <cstring>

namespace sluice::tenants {

std::size_t Failures::place_of(const IpAddress& address) const {
    const IpAddress counted = counted_address(address);
    std::array<std::uint64_t, 2> words{};
    std::memcpy(words.data(), counted.bytes.data(), sizeof words);
    std::uint64_t hash = seed_;
    // Of each bit all are changed: the last steps of SplitMix64 (Steele, Lea, Flood, 2014). Addresses of one network
    // differ in the highest byte of a word.
    for (const std::uint64_t word : words) {
        hash ^= word;
        hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
        hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
        hash ^= hash >> 31;
    }
    return hash % places_count;
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
