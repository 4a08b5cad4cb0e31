// Which partition a device belongs to. The same number in every process and release: consumers
// may compute it, and a device must not move between streams when the engine is updated.
//
// FNV-1a, 64 bit, its halves folded together, modulo the partition count. Chosen because anyone can write it in
// five lines of any language, and because device ids are short: ten multiplications. Rejected: CRC16 (Redis
// Cluster's own hash: no reason to share it, for the slot comes from the key's tag), std::hash (differs between
// libraries), xxHash (a dependency for bytes that are not worth it).
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::sinks {

[[nodiscard]] constexpr std::uint64_t device_hash(std::string_view device_id) {
    std::uint64_t hash = 0xcbf29ce484222325u;  // FNV offset basis
    for (const char c : device_id) {
        hash ^= static_cast<unsigned char>(c);
        hash *= 0x100000001b3u;  // FNV prime
    }
    return hash ^ (hash >> 32);
}

[[nodiscard]] constexpr std::uint32_t partition_of(std::string_view device_id, std::uint32_t partitions_count) {
    if (partitions_count <= 1) return 0;
    return static_cast<std::uint32_t>(device_hash(device_id) % partitions_count);
}

}  // namespace sluice::sinks
