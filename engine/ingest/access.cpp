#include "engine/ingest/access.hpp"

#include "engine/core/clock.hpp"
#include "engine/core/ip_address.hpp"
#include "engine/tenants/token.hpp"

namespace sluice {

using tenants::Authenticator;
using tenants::Scope;
using tenants::TenantNumber;

std::expected<TenantNumber, Denied> Access::admit(const http::Request& request, Scope scope, bool takes_query) {
    const Credential credential = find_credential(request, takes_query);
    const auto* const known =
        authenticator_.recall(request.slot, credential.source, credential.text, request.received_ns);
    const bool is_good = known != nullptr && (known->scopes_mask & tenants::scopes_for(scope)) != 0;
    if (!is_good) return look_up(request, scope, credential);
    if (is_client_allowed(known->tenant, request)) return known->tenant;
    TokenBuffer buffer;
    return deny(request, Refusal::forbidden, "address", token_of(credential, buffer));
}

std::expected<TenantNumber, Denied> Access::look_up(const http::Request& request, Scope scope,
                                                    const Credential& credential) {
    if (credential.source == Credential::Source::none) return admit_by_certificate(request);
    if (credential.text.size() > limits::credential_header_bytes_max)
        return deny(request, Refusal::credential_too_long, "too long", {});
    TokenBuffer buffer;
    const std::string_view token = token_of(credential, buffer);
    const auto result = authenticator_.check(request.slot, credential.source, credential.text, token,
                                             request.received_ns, unix_ns() / 1'000'000'000);
    switch (result.outcome) {
        case Authenticator::Outcome::unknown: return deny(request, Refusal::unauthorized, "unknown", token);
        case Authenticator::Outcome::expired: return deny(request, Refusal::unauthorized, "expired", token);
        case Authenticator::Outcome::good: break;
    }
    if ((result.scopes_mask & tenants::scopes_for(scope)) == 0)
        return deny(request, Refusal::forbidden, "scope", token);
    return take(request, result.tenant, token);
}

std::expected<TenantNumber, Denied> Access::take(const http::Request& request, TenantNumber number,
                                                 std::string_view token) {
    if (!is_address_allowed(number, request)) {
        authenticator_.forget(request.slot);
        return deny(request, Refusal::forbidden, "address", token);
    }
    if (const auto excess = own(request.slot, number))
        return std::unexpected(Denied{Refusal::quota_exceeded, true, excess});
    return number;
}

// The certificate was checked by the handshake, and stays that of the connection. Whose it is, and from where that one
// may send, the table of now says.
std::expected<TenantNumber, Denied> Access::admit_by_certificate(const http::Request& request) {
    Certified& certified = certified_[request.slot];
    const bool is_known = certified.generation == table().generation();
    if (is_known && owners_[request.slot] == certified.tenant + 1) {
        if (is_client_allowed(certified.tenant, request)) return certified.tenant;
        return deny(request, Refusal::forbidden, "address", {});
    }
    const auto number = is_known ? std::optional(certified.tenant) : tenant_of_certificate(request.slot);
    certified = {};
    if (!number) return deny(request, Refusal::unauthorized, "missing", {});
    auto taken = take(request, *number, {});
    if (taken) certified = {table().generation(), *number};
    return taken;
}

// In the order of CertificateNameKind.
std::optional<TenantNumber> Access::tenant_of_certificate(Slot slot) const {
    using Kind = tenants::CertificateNameKind;
    const tls::ClientIdentity* const client = client_of_ ? client_of_(slot) : nullptr;
    if (client == nullptr) return std::nullopt;
    const auto find = [&](Kind kind, std::string_view text) -> std::optional<TenantNumber> {
        const TenantNumber number = text.empty() ? tenants::no_tenant : table().find_certificate(kind, text);
        return number == tenants::no_tenant ? std::nullopt : std::optional(number);
    };
    if (const auto number = find(Kind::fingerprint, client->fingerprint)) return number;
    for (const std::string& uri : client->uris)
        if (const auto number = find(Kind::uri, uri)) return number;
    for (const std::string& name : client->dns_names)
        if (const auto number = find(Kind::dns, name)) return number;
    return find(Kind::common_name, client->common_name);
}

// A connection that may not be the tenant's is remembered as nobody's, so the next request asks again.
std::optional<tenants::QuotaExcess> Access::own(Slot slot, TenantNumber number) {
    const auto owner = static_cast<std::uint16_t>(number + 1);
    if (owners_[slot] == owner) return std::nullopt;
    if (owners_[slot] != 0) quotas_.leave_connection(static_cast<TenantNumber>(owners_[slot] - 1));
    owners_[slot] = 0;
    const tenants::Tenant* const tenant = authenticator_.table().tenant(number);
    if (tenant == nullptr) return std::nullopt;
    const auto excess = quotas_.take_connection(*tenant, number);
    counters_[number].over_quota += excess.has_value();
    if (excess) authenticator_.forget(slot);
    else owners_[slot] = owner;
    return excess;
}

std::optional<tenants::QuotaExcess> Access::excess(TenantNumber number, std::uint64_t now_ns) {
    const tenants::Tenant* const tenant = authenticator_.table().tenant(number);
    if (tenant == nullptr) return std::nullopt;
    const auto excess = quotas_.excess(*tenant, number, now_ns);
    counters_[number].over_quota += excess.has_value();
    return excess;
}

void Access::charge_request(TenantNumber number, std::uint64_t bytes, std::uint64_t now_ns) {
    ++counters_[number].requests;
    counters_[number].body_bytes += bytes;
    if (const tenants::Tenant* const tenant = authenticator_.table().tenant(number))
        quotas_.charge_request(*tenant, number, bytes, now_ns);
}

void Access::charge_samples(TenantNumber number, std::uint64_t samples_count, std::uint64_t now_ns) {
    counters_[number].samples_accepted += samples_count;
    if (const tenants::Tenant* const tenant = authenticator_.table().tenant(number))
        quotas_.charge_samples(*tenant, number, samples_count, now_ns);
}

void Access::forget(Slot slot) {
    authenticator_.forget(slot);
    if (owners_[slot] != 0) quotas_.leave_connection(static_cast<TenantNumber>(owners_[slot] - 1));
    owners_[slot] = 0;
    certified_[slot] = {};
}

// A Unix socket has no address: who may open it decides.
bool Access::is_address_allowed(TenantNumber number, const http::Request& request) const {
    const tenants::Tenant* const tenant = authenticator_.table().tenant(number);
    if (tenant == nullptr || tenant->addresses.empty()) return true;
    const ClientAddress client = failures_.clients().of(request);
    return client.address ? is_in_any(tenant->addresses, *client.address) : client.is_unix;
}

std::unexpected<Denied> Access::deny(const http::Request& request, Refusal reason, std::string_view why,
                                     std::string_view token) {
    const std::string_view id = tenants::token_id(token);
    const bool is_id_known = !id.empty() && authenticator_.table().has_token_id(id);
    return std::unexpected(failures_.note(request, reason, why, is_id_known ? id : std::string_view{}));
}

}  // namespace sluice
