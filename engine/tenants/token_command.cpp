#include "engine/tenants/token_command.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include "engine/core/escape.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/units.hpp"
#include "engine/tenants/tenant.hpp"
#include "engine/tenants/token.hpp"

namespace sluice::tenants {
namespace {

constexpr units::NamedUnit lifetimes[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86'400}};
constexpr std::int64_t lifetime_s_max = std::int64_t{100} * 365 * 86'400;

std::string utc_text(std::int64_t unix_s) {
    const std::time_t seconds = unix_s;
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

// `, expires = …`, or nothing.
std::expected<std::string, std::string> expires_member(const std::string& expires, std::int64_t unix_s) {
    if (expires.empty()) return std::string();
    const auto lifetime_s = units::parse(expires, lifetimes);
    const bool is_one = lifetime_s && *lifetime_s != 0 && *lifetime_s <= static_cast<std::uint64_t>(lifetime_s_max);
    if (!is_one)
        return std::unexpected("--expires is " + quoted(expires, limits::shown_bytes_max) +
                               "; allowed is a duration of at most 36500d in s, m, h or d, such as 90d");
    return ", expires = " + utc_text(unix_s + static_cast<std::int64_t>(*lifetime_s));
}

std::expected<std::string, std::string> scopes_member(const std::vector<std::string>& scopes) {
    if (scopes.empty()) return std::string();
    std::string list;
    for (const std::string& scope : scopes) {
        if (scope != "write" && scope != "query")
            return std::unexpected("--scopes is " + quoted(scope, limits::shown_bytes_max) +
                                   "; allowed is write, query, or both with a comma between them");
        list += (list.empty() ? "\"" : ", \"") + scope + "\"";
    }
    return ", scopes = [" + list + "]";
}

}  // namespace

std::expected<std::string, std::string> new_token_text(const NewTokenOrder& order, std::int64_t unix_s) {
    if (!is_tenant_name(order.tenant))
        return std::unexpected("--tenant is " + quoted(order.tenant, limits::shown_bytes_max) + "; allowed is " +
                               std::string(tenant_name_allowed));
    const auto expires = expires_member(order.expires, unix_s);
    if (!expires) return expires;
    const auto scopes = scopes_member(order.scopes);
    if (!scopes) return scopes;
    const auto made = make_token();
    if (!made) return std::unexpected(made.error());
    return made->token + "\n{ id = \"" + made->id + "\", hash = \"" + made->hash + "\"" + *expires + *scopes +
           " }  # a token of tenant " + order.tenant + "\n";
}

}  // namespace sluice::tenants
