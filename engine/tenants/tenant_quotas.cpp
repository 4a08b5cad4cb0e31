#include "engine/tenants/tenant_quotas.hpp"

#include <algorithm>
#include <cmath>

namespace sluice::tenants {
namespace {

constexpr std::array kinds{QuotaKind::samples, QuotaKind::bytes, QuotaKind::requests};
static_assert(kinds.size() == quota_rates_count);

std::uint64_t whole_seconds(std::uint64_t ns) { return std::max<std::uint64_t>(1, (ns + 999'999'999) / 1'000'000'000); }

}  // namespace

Rate rate_of(const QuotaSettings& quota, QuotaKind kind) {
    switch (kind) {
        case QuotaKind::samples: return {quota.samples_per_s, quota.burst_ns};
        case QuotaKind::bytes: return {quota.bytes_per_s, quota.burst_ns};
        case QuotaKind::requests: return {quota.requests_per_s, quota.burst_ns};
        case QuotaKind::connections: break;
    }
    return {};
}

QuotaExcess excess_of(QuotaKind kind, const Rate& rate, const SharedBucket& bucket, std::uint64_t now_ns) {
    return {kind, static_cast<std::uint64_t>(std::ceil(rate.per_s)), whole_seconds(bucket.wait_ns(now_ns))};
}

std::optional<QuotaExcess> TenantQuotas::excess(const Tenant& tenant, TenantNumber number, std::uint64_t now_ns) {
    for (const QuotaKind kind : kinds) {
        const Rate rate = rate_of(tenant.quota, kind);
        if (!rate.is_bounded()) continue;
        const auto index = static_cast<std::size_t>(kind);
        SharedBucket& shared = shared_[number].buckets[index];
        if (locals_[number][index].is_open(shared, rate, now_ns)) continue;
        return excess_of(kind, rate, shared, now_ns);
    }
    return std::nullopt;
}

std::size_t TenantQuotas::fill_levels(const Tenant& tenant, TenantNumber number, std::uint64_t now_ns,
                                      QuotaLevels& levels) const {
    std::size_t count = 0;
    for (const QuotaKind kind : kinds) {
        const Rate rate = rate_of(tenant.quota, kind);
        if (!rate.is_bounded()) continue;
        const auto index = static_cast<std::size_t>(kind);
        const SharedBucket& shared = shared_[number].buckets[index];
        const double left_ns = static_cast<double>(shared.level_ns(rate, now_ns)) + locals_[number][index].left_ns();
        const QuotaExcess excess = excess_of(kind, rate, shared, now_ns);
        levels[count++] = {kind, excess.allowed_count, static_cast<std::uint64_t>(left_ns * rate.per_s / 1e9),
                           left_ns > 0 ? 0 : excess.retry_s};
    }
    return count;
}

void TenantQuotas::charge(const Tenant& tenant, TenantNumber number, QuotaKind kind, double units,
                          std::uint64_t now_ns) {
    const Rate rate = rate_of(tenant.quota, kind);
    if (!rate.is_bounded()) return;
    const auto index = static_cast<std::size_t>(kind);
    locals_[number][index].charge(units, shared_[number].buckets[index], rate, now_ns);
}

void TenantQuotas::charge_request(const Tenant& tenant, TenantNumber number, std::uint64_t bytes,
                                  std::uint64_t now_ns) {
    charge(tenant, number, QuotaKind::requests, 1, now_ns);
    charge(tenant, number, QuotaKind::bytes, static_cast<double>(bytes), now_ns);
}

void TenantQuotas::charge_samples(const Tenant& tenant, TenantNumber number, std::uint64_t samples_count,
                                  std::uint64_t now_ns) {
    charge(tenant, number, QuotaKind::samples, static_cast<double>(samples_count), now_ns);
}

std::optional<QuotaExcess> TenantQuotas::take_connection(const Tenant& tenant, TenantNumber number) {
    const std::uint32_t count_max = tenant.quota.connections_count;
    const std::uint32_t before = shared_[number].connections_count.fetch_add(1, std::memory_order_relaxed);
    if (count_max == 0 || before < count_max) return std::nullopt;
    leave_connection(number);
    return QuotaExcess{QuotaKind::connections, count_max, 1};
}

}  // namespace sluice::tenants
