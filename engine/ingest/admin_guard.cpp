#include "engine/ingest/admin_guard.hpp"

#include <algorithm>

#include "engine/core/host_port.hpp"
#include "engine/core/ip_address.hpp"
#include "engine/core/lower_case.hpp"
#include "engine/ingest/credentials.hpp"

namespace sluice {
namespace {

using parsers::RequestHeader;

std::string_view host_of_origin(std::string_view origin) {
    const std::size_t scheme_end = origin.find("://");
    return scheme_end == std::string_view::npos ? std::string_view{} : origin.substr(scheme_end + 3);
}

// No name that somebody else may own. `host`: as in Host, in lower case.
bool is_address(std::string_view host) {
    const auto parts = split_host_port(host);
    return parts && (parts->host == "localhost" || parse_ip_address(parts->host));
}

bool is_own_host(std::string_view host, std::span<const std::string> origins) {
    return is_address(host) ||
           std::ranges::any_of(origins, [host](const std::string& origin) { return host_of_origin(origin) == host; });
}

// `http://host:port`; `null` and what is given twice is another's.
bool is_own_origin(const parsers::RequestHead& head, std::string_view host, std::span<const std::string> origins) {
    if (head.value(RequestHeader::origin).count > 1) return false;
    const std::string origin = lower_case(head.header(RequestHeader::origin));
    if (std::ranges::find(origins, origin) != origins.end()) return true;
    const std::string_view named = host_of_origin(origin);
    return !named.empty() && named == host && is_address(host);
}

std::string origin_of_setting(std::string_view text) {
    if (text.ends_with('/')) text.remove_suffix(1);
    return lower_case(text);
}

}  // namespace

bool is_cross_site(const parsers::RequestHead& head, std::span<const std::string> origins) {
    if (!head.has(RequestHeader::origin) && !head.has(RequestHeader::sec_fetch_site)) return false;
    const std::string host = lower_case(head.header(RequestHeader::host));
    const std::string_view site = head.header(RequestHeader::sec_fetch_site);
    const bool is_of_site = head.has(RequestHeader::sec_fetch_site) && site != "none";
    if (is_of_site && (site != "same-origin" || !is_own_host(host, origins))) return true;
    return head.has(RequestHeader::origin) && !is_own_origin(head, host, origins);
}

AdminGuard::AdminGuard(std::optional<tenants::Digest> token, std::span<const std::string> origins,
                       AccessFailures& failures)
    : token_(token), failures_(failures) {
    for (const std::string& origin : origins) origins_.push_back(origin_of_setting(origin));
}

bool AdminGuard::is_foreign_post(const http::Request& request) const {
    return request.head.method == parsers::Method::post && is_cross_site(request.head, origins_);
}

std::optional<Denied> AdminGuard::check(const http::Request& request, bool is_public) {
    if (is_foreign_post(request)) return Denied{Refusal::cross_origin};
    if (is_public || !token_) return std::nullopt;
    const Credential credential = find_credential(request, false);
    if (credential.source == Credential::Source::none) return failures_.note(request, Refusal::unauthorized, "missing");
    if (credential.text.size() > limits::credential_header_bytes_max)
        return failures_.note(request, Refusal::credential_too_long, "too long");
    TokenBuffer buffer;
    if (tenants::is_equal(sha256_(token_of(credential, buffer)), *token_)) return std::nullopt;
    return failures_.note(request, Refusal::unauthorized, "unknown");
}

}  // namespace sluice
