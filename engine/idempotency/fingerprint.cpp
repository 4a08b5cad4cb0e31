#include "engine/idempotency/fingerprint.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace sluice {

// The body's seed depends on everything before it; the path's length keeps ("/a", "b") and ("/", "ab") apart.
Fingerprint fingerprint_of(std::uint64_t seed, std::string_view path, std::string_view query,
                           std::uint32_t reading_number, std::string_view body) {
    seed = XXH3_64bits_withSeed(path.data(), path.size(), seed + reading_number);
    seed = XXH3_64bits_withSeed(query.data(), query.size(), seed + path.size());
    const XXH128_hash_t hash = XXH3_128bits_withSeed(body.data(), body.size(), seed);
    return {hash.low64, hash.high64};
}

std::uint64_t hash_of(std::uint64_t seed, std::string_view key) {
    return XXH3_64bits_withSeed(key.data(), key.size(), seed);
}

}  // namespace sluice
