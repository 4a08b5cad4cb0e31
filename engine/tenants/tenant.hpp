// Tenant: who may send, and what, as the file of tenants says it (tenants_file.hpp). Values: made at start and at a
// reload, and not changed afterwards.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/ack.hpp"
#include "engine/core/ip_address.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/tenant_name.hpp"
#include "engine/tenants/quota.hpp"
#include "engine/tenants/sample_policy.hpp"
#include "engine/tenants/sha256.hpp"

namespace sluice::tenants {

// What a token may be used for. Bits.
enum class Scope : std::uint8_t {
    write = 1,  // every ingest endpoint, and what `query` may
    query = 2,  // /query
};

// The scopes that allow what `scope` allows: who may write may query.
[[nodiscard]] constexpr std::uint8_t scopes_for(Scope scope) {
    const auto bits = static_cast<std::uint8_t>(scope);
    return scope == Scope::query ? static_cast<std::uint8_t>(bits | static_cast<std::uint8_t>(Scope::write)) : bits;
}

struct Token {
    std::string id{};  // public
    Digest digest{};
    std::int64_t expires_s = 0;  // since 1970; 0: never
    std::uint8_t scopes_mask = 0;
};

// What a client's certificate may be known by. In this order the names of one are looked up.
enum class CertificateNameKind : std::uint8_t { fingerprint, uri, dns, common_name };

// As tls::ClientIdentity has it: a fingerprint is 64 hexadecimal digits in lower case.
struct CertificateName {
    CertificateNameKind kind{};
    std::string text{};
    friend auto operator<=>(const CertificateName&, const CertificateName&) = default;
};

// Whatever is 0 has no bound.
struct QuotaSettings {
    double samples_per_s = 0;
    double bytes_per_s = 0;  // of bodies as they come, compressed or not
    double requests_per_s = 0;
    std::uint64_t burst_ns = 1'000'000'000;
    std::uint32_t connections_count = 0;  // open at a time, whose last good token is the tenant's
};

struct Tenant {
    std::string name;  // see is_tenant_name()
    std::vector<Token> tokens{};  // may be empty: nobody gets in as this tenant by a token
    std::vector<CertificateName> certificates{};  // whose clients need no token
    std::vector<IpNetwork> addresses{};  // that it may send from; empty: all
    std::string stream{};  // of its own: key of a stream, or of a list; empty: that of all
    std::optional<AckLevel> ack_max{};  // the most that a request may ask for
    SamplePolicy policy{};
    QuotaSettings quota{};
    bool has_dead_letters = false;  // its refused records are kept
};

}  // namespace sluice::tenants
