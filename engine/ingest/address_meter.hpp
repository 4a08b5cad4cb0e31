// AddressMeter: the quota of the address that a request came from, where there are no tenants. One for each reactor, on
// its thread; none without `quota.address.*`.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/core/ip_address.hpp"
#include "engine/server/client_addresses.hpp"
#include "engine/tenants/address_quotas.hpp"

namespace sluice {

class AddressMeter {
  public:
    // `quotas` is shared with other reactors. Both outlive this.
    AddressMeter(tenants::AddressQuotas& quotas, ClientAddresses& clients) : quotas_(quotas), clients_(clients) {}

    // Whom the request is counted for. Nothing: it came through a Unix socket, or the kernel does not tell, and there
    // is no bound.
    [[nodiscard]] std::optional<IpAddress> counted(const http::Request& request) {
        const ClientAddress client = clients_.of(request);
        return client.address ? std::optional(counted_address(*client.address)) : std::nullopt;
    }
    // What keeps a request out. One that is let in is charged if its body is there.
    [[nodiscard]] std::optional<tenants::QuotaExcess> admit(const http::Request& request, bool is_whole) {
        const auto address = counted(request);
        if (!address) return std::nullopt;
        const auto excess = quotas_.excess(*address, request.received_ns);
        if (!excess && is_whole) quotas_.charge_request(*address, request.body.size(), request.received_ns);
        return excess;
    }
    void charge_samples(const IpAddress& address, std::uint64_t samples_count, std::uint64_t now_ns) {
        quotas_.charge_samples(address, samples_count, now_ns);
    }

  private:
    tenants::AddressQuotas& quotas_;
    ClientAddresses& clients_;
};

}  // namespace sluice
