#include "engine/ingest/admin_guard.hpp"

#include "engine/core/lower_case.hpp"
#include "engine/ingest/credentials.hpp"

namespace sluice {
namespace {

using parsers::RequestHeader;

// `http://host:port`; `null` and what is given twice is another's.
bool is_own_origin(const parsers::RequestHead& head) {
    if (head.value(RequestHeader::origin).count > 1) return false;
    std::string_view origin = head.header(RequestHeader::origin);
    const std::size_t scheme_end = origin.find("://");
    if (scheme_end == std::string_view::npos) return false;
    origin.remove_prefix(scheme_end + 3);
    return lower_case(origin) == lower_case(head.header(RequestHeader::host));
}

}  // namespace

bool is_cross_site(const parsers::RequestHead& head) {
    const std::string_view site = head.header(RequestHeader::sec_fetch_site);
    if (head.has(RequestHeader::sec_fetch_site) && site != "same-origin" && site != "none") return true;
    return head.has(RequestHeader::origin) && !is_own_origin(head);
}

std::optional<Denied> AdminGuard::check(const http::Request& request, bool is_public) {
    if (request.head.method == parsers::Method::post && is_cross_site(request.head))
        return Denied{Refusal::cross_origin};
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
