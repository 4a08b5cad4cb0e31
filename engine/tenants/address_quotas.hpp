// AddressQuotas: whether an address has used up what it may bring in a second, where there are no tenants. Shared by
// all reactors; the buckets are those of tenants (quota.hpp).
//
// A table of a fixed size, in sets of eight places. A seeded hash of the address names the set. Where all eight are
// taken, the address that was heard of least recently loses its place, and begins anew with a full bucket when it comes
// again. A lock for each part of the sets, held for some 100 ns: each request of an ingest endpoint takes it twice or
// three times. Rejected: slices that reactors borrow, as of tenants', which would need a table for each reactor.
//
// Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/core/cache_line.hpp"
#include "engine/core/ip_address.hpp"
#include "engine/core/limits.hpp"
#include "engine/tenants/tenant_quotas.hpp"

namespace sluice::tenants {

class AddressQuotas {
  public:
    // `seed`: which addresses meet is not known to clients.
    AddressQuotas(const QuotaSettings& quota, std::uint64_t seed);

    // `address`: as counted_address() has it. `now_ns`: monotonic. What keeps a request from being let in.
    [[nodiscard]] std::optional<QuotaExcess> excess(const IpAddress& address, std::uint64_t now_ns);
    // A request of a body of `bytes` was let in, and later `samples_count` samples of it.
    void charge_request(const IpAddress& address, std::uint64_t bytes, std::uint64_t now_ns);
    void charge_samples(const IpAddress& address, std::uint64_t samples_count, std::uint64_t now_ns);

  private:
    static constexpr std::size_t set_places_count = 8;
    static constexpr std::size_t sets_count = limits::quota_addresses_count_max / set_places_count;
    static constexpr std::size_t locks_count = 64;

    struct Place {
        IpAddress address;
        std::uint64_t seen_ns = 0;  // 0: nobody's
        std::array<SharedBucket, quota_rates_count> buckets;  // by QuotaKind
    };
    using Set = std::array<Place, set_places_count>;
    struct alignas(cache_line_bytes) Lock {
        std::mutex mutex;
    };

    [[nodiscard]] std::size_t set_index_of(const IpAddress& address) const {
        return hash_of(address, seed_) % sets_count;
    }
    // Under the lock of the set.
    [[nodiscard]] static Place& place_of(Set& set, const IpAddress& address, std::uint64_t now_ns);
    void charge(Place& place, QuotaKind kind, double units, std::uint64_t now_ns) const;

    const QuotaSettings quota_;
    const std::uint64_t seed_;
    std::vector<Set> sets_;
    std::array<Lock, locks_count> locks_;  // of set i: i modulo their number
};

}  // namespace sluice::tenants
