#include "engine/tenants/address_quotas.hpp"

#include <algorithm>

namespace sluice::tenants {

AddressQuotas::AddressQuotas(const QuotaSettings& quota, std::uint64_t seed)
    : quota_(quota), seed_(seed), sets_(sets_count) {}

AddressQuotas::Place& AddressQuotas::place_of(Set& set, const IpAddress& address, std::uint64_t now_ns) {
    const auto is_its = [&](const Place& place) { return place.seen_ns != 0 && place.address == address; };
    auto place = std::ranges::find_if(set, is_its);
    if (place == set.end()) {
        place = std::ranges::min_element(set, {}, &Place::seen_ns);
        place->address = address;
        for (SharedBucket& bucket : place->buckets) bucket.refill();
    }
    place->seen_ns = now_ns;
    return *place;
}

std::optional<QuotaExcess> AddressQuotas::excess(const IpAddress& address, std::uint64_t now_ns) {
    const std::size_t index = set_index_of(address);
    const std::lock_guard guard(locks_[index % locks_count].mutex);
    const Place& place = place_of(sets_[index], address, now_ns);
    for (const QuotaKind kind : {QuotaKind::samples, QuotaKind::bytes, QuotaKind::requests}) {
        const Rate rate = rate_of(quota_, kind);
        const SharedBucket& bucket = place.buckets[static_cast<std::size_t>(kind)];
        if (rate.is_bounded() && !bucket.is_open(now_ns)) return excess_of(kind, rate, bucket, now_ns);
    }
    return std::nullopt;
}

void AddressQuotas::charge(Place& place, QuotaKind kind, double units, std::uint64_t now_ns) const {
    const Rate rate = rate_of(quota_, kind);
    if (!rate.is_bounded()) return;
    const double ns = std::min(rate.ns_of(units), static_cast<double>(SharedBucket::debt_ns_max));
    place.buckets[static_cast<std::size_t>(kind)].take(static_cast<std::uint64_t>(ns), rate, now_ns);
}

void AddressQuotas::charge_request(const IpAddress& address, std::uint64_t bytes, std::uint64_t now_ns) {
    const std::size_t index = set_index_of(address);
    const std::lock_guard guard(locks_[index % locks_count].mutex);
    Place& place = place_of(sets_[index], address, now_ns);
    charge(place, QuotaKind::requests, 1, now_ns);
    charge(place, QuotaKind::bytes, static_cast<double>(bytes), now_ns);
}

void AddressQuotas::charge_samples(const IpAddress& address, std::uint64_t samples_count, std::uint64_t now_ns) {
    const std::size_t index = set_index_of(address);
    const std::lock_guard guard(locks_[index % locks_count].mutex);
    charge(place_of(sets_[index], address, now_ns), QuotaKind::samples, static_cast<double>(samples_count), now_ns);
}

}  // namespace sluice::tenants
