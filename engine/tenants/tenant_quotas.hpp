// TenantQuotas: whether a tenant has used up what it may bring. SharedQuotas is of all reactors; each has a
// TenantQuotas, on its thread.
//
// The bounds are those of the table of now; the buckets stay over reloads, by the tenant's number.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/core/cache_line.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/slot.hpp"
#include "engine/tenants/quota.hpp"
#include "engine/tenants/tenant_table.hpp"

namespace sluice::tenants {

enum class QuotaKind : std::uint8_t { samples, bytes, requests, connections };

inline constexpr std::size_t quota_rates_count = 3;  // connections are no rate

// As RateLimit and RateLimit-Policy name it.
[[nodiscard]] constexpr std::string_view name_of(QuotaKind kind) {
    constexpr std::array<std::string_view, 4> names{"samples", "bytes", "requests", "connections"};
    return names[static_cast<std::size_t>(kind)];
}

// A quota that is used up.
struct QuotaExcess {
    QuotaKind kind{};
    std::uint64_t allowed_count = 0;  // for a second; of connections as such
    std::uint64_t retry_s = 1;  // when there is something again; at least 1
};

// How much of a quota is left.
struct QuotaLevel {
    QuotaKind kind{};
    std::uint64_t allowed_count = 0;  // for a second
    std::uint64_t left_count = 0;
    std::uint64_t retry_s = 0;  // if nothing is left: when there is something again
};
using QuotaLevels = std::array<QuotaLevel, quota_rates_count>;

// Of `quota`; of connections there is none.
[[nodiscard]] Rate rate_of(const QuotaSettings& quota, QuotaKind kind);
// Of a bucket that is empty.
[[nodiscard]] QuotaExcess excess_of(QuotaKind kind, const Rate& rate, const SharedBucket& bucket, std::uint64_t now_ns);

class SharedQuotas {
  public:
    struct alignas(cache_line_bytes) Tenant {
        std::array<SharedBucket, quota_rates_count> buckets;  // by QuotaKind
        // Open connections whose last good token was the tenant's. Relaxed: a bound, no hand-over.
        std::atomic<std::uint32_t> connections_count{0};
    };
    [[nodiscard]] Tenant& operator[](TenantNumber number) { return tenants_[number]; }
    [[nodiscard]] const Tenant& operator[](TenantNumber number) const { return tenants_[number]; }

  private:
    std::array<Tenant, limits::tenants_count_max> tenants_{};
};

class TenantQuotas {
  public:
    explicit TenantQuotas(SharedQuotas& shared) : shared_(shared), locals_(limits::tenants_count_max) {}

    // What keeps a request from being let in. `now_ns`: monotonic.
    [[nodiscard]] std::optional<QuotaExcess> excess(const Tenant& tenant, TenantNumber number, std::uint64_t now_ns);
    // Of each bound that the tenant has. Returns how many there are.
    [[nodiscard]] std::size_t fill_levels(const Tenant& tenant, TenantNumber number, std::uint64_t now_ns,
                                          QuotaLevels& levels) const;
    // A request of a body of `bytes` was let in.
    void charge_request(const Tenant& tenant, TenantNumber number, std::uint64_t bytes, std::uint64_t now_ns);
    void charge_samples(const Tenant& tenant, TenantNumber number, std::uint64_t samples_count, std::uint64_t now_ns);

    // A connection is the tenant's from here on. Nothing if it may be; else it is nobody's.
    [[nodiscard]] std::optional<QuotaExcess> take_connection(const Tenant& tenant, TenantNumber number);
    void leave_connection(TenantNumber number) {
        shared_[number].connections_count.fetch_sub(1, std::memory_order_relaxed);
    }

  private:
    using Local = std::array<LocalBucket, quota_rates_count>;

    void charge(const Tenant& tenant, TenantNumber number, QuotaKind kind, double units, std::uint64_t now_ns);

    SharedQuotas& shared_;
    std::vector<Local> locals_;  // by number
};

}  // namespace sluice::tenants
