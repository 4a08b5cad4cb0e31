// Fingerprint: 128 bits that tell one request from another which came with the same Idempotency-Key.
//
// XXH3 with a seed that each process draws anew. Two requests of one key have the same fingerprint with probability
// 2^-128, at about 10 GB/s (a body of 139 bytes: some 15 ns). It is no cryptographic hash: whoever knows a key may as
// well send its first request again, so nothing is gained by a collision. Rejected: CRC32C twice with two initial
// values, which differs by the same constant for all texts of one length, and so is 32 bits, not 64.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice {

struct Fingerprint {
    std::uint64_t low_bits = 0;
    std::uint64_t high_bits = 0;
    friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

// Of everything that decides what a request stores: target, body, and how the body is read (`reading_number`: any that
// tells one way from another).
[[nodiscard]] Fingerprint fingerprint_of(std::uint64_t seed, std::string_view path, std::string_view query,
                                         std::uint32_t reading_number, std::string_view body);

// Where a key stands in a table. With a seed that clients do not know, none can choose keys that meet.
[[nodiscard]] std::uint64_t hash_of(std::uint64_t seed, std::string_view key);

}  // namespace sluice
