// Access: whether a request to a data listener comes from a tenant, by its head alone, and from which. One for each
// reactor, on its thread; there is none where there are no tenants.
//
// A token decides; without one, the certificate that the client has shown. Whose a connection is, is known from the
// last good one that came over it: so connections are counted by tenant.
//
// A failure says nothing that helps to guess: a missing, an unknown and an expired token get the same answer. The log
// names the public id of a token that is known, and never the token.
#pragma once

#include <algorithm>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/core/lazy_array.hpp"
#include "engine/ingest/access_failures.hpp"
#include "engine/ingest/credentials.hpp"
#include "engine/tenants/authenticator.hpp"
#include "engine/tenants/tenant_counters.hpp"
#include "engine/tenants/tenant_quotas.hpp"
#include "engine/tls/client_identity.hpp"

namespace sluice {

class Access {
  public:
    // Who is at the other end of a connection, by its certificate; null: it has shown none.
    using ClientOf = std::function<const tls::ClientIdentity*(Slot)>;

    // `quotas` is shared with other reactors. Both outlive this. `client_of` may be empty: nobody shows a certificate.
    Access(std::shared_ptr<const tenants::TenantTable> table, tenants::SharedQuotas& quotas, AccessFailures& failures,
           std::size_t slots_count, ClientOf client_of = {})
        : authenticator_(std::move(table), slots_count),
          failures_(failures),
          may_differ_(failures.clients().may_differ()),
          client_of_(std::move(client_of)),
          quotas_(quotas),
          certified_(slots_count),
          owners_(slots_count),
          counters_(limits::tenants_count_max) {}

    // `scope`: what the path needs. `takes_query`: it takes ?u=&p=.
    [[nodiscard]] std::expected<tenants::TenantNumber, Denied> admit(const http::Request& request, tenants::Scope scope,
                                                                     bool takes_query);
    // Of a request that was admitted: the quota that its tenant has used up.
    [[nodiscard]] std::optional<tenants::QuotaExcess> excess(tenants::TenantNumber number, std::uint64_t now_ns);
    // How much of its quota is left. Returns how many of `levels` are set.
    [[nodiscard]] std::size_t fill_levels(tenants::TenantNumber number, std::uint64_t now_ns,
                                          tenants::QuotaLevels& levels) const {
        const tenants::Tenant* const tenant = table().tenant(number);
        return tenant == nullptr ? 0 : quotas_.fill_levels(*tenant, number, now_ns, levels);
    }
    // A request of a body of `bytes` was let in, and later `samples_count` samples of it.
    void charge_request(tenants::TenantNumber number, std::uint64_t bytes, std::uint64_t now_ns);
    void charge_samples(tenants::TenantNumber number, std::uint64_t samples_count, std::uint64_t now_ns);
    void note_rejected(tenants::TenantNumber number, std::uint64_t samples_count) {
        counters_[number].samples_rejected += samples_count;
    }
    // By number; of all that ever were.
    [[nodiscard]] std::span<const tenants::TenantCounters> counters() const {
        return std::span(counters_).first(table().numbers_end());
    }
    void reset_counters() { std::ranges::fill(counters_, tenants::TenantCounters{}); }
    // The connection is gone.
    void forget(Slot slot);

    // The next table.
    void use(std::shared_ptr<const tenants::TenantTable> table) { authenticator_.use(std::move(table)); }
    [[nodiscard]] const tenants::TenantTable& table() const { return authenticator_.table(); }

  private:
    [[nodiscard]] std::expected<tenants::TenantNumber, Denied> look_up(const http::Request& request,
                                                                       tenants::Scope scope,
                                                                       const Credential& credential);
    [[nodiscard]] std::expected<tenants::TenantNumber, Denied> admit_by_certificate(const http::Request& request);
    [[nodiscard]] std::optional<tenants::TenantNumber> tenant_of_certificate(Slot slot) const;
    // Of a connection that may be the tenant's: whether it is one too many.
    [[nodiscard]] std::expected<tenants::TenantNumber, Denied> take(const http::Request& request,
                                                                    tenants::TenantNumber number,
                                                                    std::string_view token);
    [[nodiscard]] bool is_address_allowed(tenants::TenantNumber number, const http::Request& request) const;
    // Of a connection whose earlier request was let in: only a proxy's may have another client now.
    [[nodiscard]] bool is_client_allowed(tenants::TenantNumber number, const http::Request& request) const {
        return !may_differ_ || is_address_allowed(number, request);
    }
    [[nodiscard]] std::unexpected<Denied> deny(const http::Request& request, Refusal reason, std::string_view why,
                                               std::string_view token);

    [[nodiscard]] std::optional<tenants::QuotaExcess> own(Slot slot, tenants::TenantNumber number);

    // What the certificate of a connection has led to. Valid as zeroed memory.
    struct Certified {
        std::uint32_t generation;  // of the table; 0: none
        tenants::TenantNumber tenant;
    };

    tenants::Authenticator authenticator_;
    AccessFailures& failures_;
    const bool may_differ_;  // ClientAddresses::may_differ()
    const ClientOf client_of_;
    tenants::TenantQuotas quotas_;
    LazyArray<Certified> certified_;  // by slot
    LazyArray<std::uint16_t> owners_;  // by slot: 1 more than the number of the tenant; 0: nobody's
    std::vector<tenants::TenantCounters> counters_;  // by number
};

}  // namespace sluice
