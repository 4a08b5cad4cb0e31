// AdminGuard: whether a request for an admin page may be answered, by its head alone. One for each server, on its
// thread.
//
// A POST that a browser sends for a page of another site is refused, also where no token is needed: who looks at a page
// that somebody else made must not pause the engine by it. A request with neither Origin nor Sec-Fetch-Site comes from
// no browser, and is taken.
//
// That Origin and Host are the same proves nothing where they are a name: whoever owns the name may let it lead here
// (DNS rebinding). So a page is the engine's own only at a numeric address, at localhost, or at an origin that
// admin.origins lists.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/http/application.hpp"
#include "engine/ingest/access_failures.hpp"
#include "engine/tenants/sha256.hpp"

namespace sluice {

class AdminGuard {
  public:
    // `token`: of the token that is needed; nothing: none is. `origins`: see is_cross_site(). `failures` outlives this.
    AdminGuard(std::optional<tenants::Digest> token, std::span<const std::string> origins, AccessFailures& failures);

    // Why it must be refused. `is_public`: the page needs no token.
    [[nodiscard]] std::optional<Denied> check(const http::Request& request, bool is_public);
    // It is a POST for a page of another site, whatever it asks for.
    [[nodiscard]] bool is_foreign_post(const http::Request& request) const;

  private:
    const std::optional<tenants::Digest> token_;
    std::vector<std::string> origins_;
    tenants::Sha256 sha256_;
    AccessFailures& failures_;
};

// Origin (RFC 6454 section 7) or Sec-Fetch-Site (Fetch Metadata, section 2.3) names another site than Host, or one that
// may be anybody's. `origins`: in lower case, without a path; pages there are the engine's own.
[[nodiscard]] bool is_cross_site(const parsers::RequestHead& head, std::span<const std::string> origins);

}  // namespace sluice
