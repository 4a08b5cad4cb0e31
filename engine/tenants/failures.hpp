// Failures: how many wrong or missing tokens an address has sent in this second. Shared by all reactors.
//
// A fixed table without locks: addresses whose hashes meet share a place, so a client may be taken for a worse one. All
// that follows is that its connection ends after its own failure. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "engine/core/ip_address.hpp"

namespace sluice::tenants {

class Failures {
  public:
    static constexpr std::uint32_t per_second_count_max = 10;

    explicit Failures(std::uint64_t seed) : seed_(seed) {}

    // Notes one more. False: there were too many in this second. `now_ns`: monotonic.
    [[nodiscard]] bool note(const IpAddress& address, std::uint64_t now_ns);

  private:
    static constexpr std::size_t places_count = 4096;

    [[nodiscard]] std::size_t place_of(const IpAddress& address) const;

    const std::uint64_t seed_;  // which addresses meet is not known to clients
    // The second in the upper half, the count in the lower one. Relaxed: each place stands for itself.
    std::array<std::atomic<std::uint64_t>, places_count> places_{};
};

}  // namespace sluice::tenants
