// AdminGuard: whether a request for an admin page may be answered, by its head alone. One for each server, on its
// thread.
//
// A POST that a browser sends for a page of another site is refused, also where no token is needed: who looks at a page
// that somebody else made must not pause the engine by it. A request with neither Origin nor Sec-Fetch-Site comes from
// no browser, and is taken.
#pragma once

#include <optional>

#include "engine/http/application.hpp"
#include "engine/ingest/access_failures.hpp"
#include "engine/tenants/sha256.hpp"

namespace sluice {

class AdminGuard {
  public:
    // `token`: of the token that is needed; nothing: none is. `failures` outlives this.
    AdminGuard(std::optional<tenants::Digest> token, AccessFailures& failures) : token_(token), failures_(failures) {}

    // Why it must be refused. `is_public`: the page needs no token.
    [[nodiscard]] std::optional<Denied> check(const http::Request& request, bool is_public);

  private:
    const std::optional<tenants::Digest> token_;
    tenants::Sha256 sha256_;
    AccessFailures& failures_;
};

// Origin (RFC 6454 section 7) or Sec-Fetch-Site (Fetch Metadata, section 2.3) names another site than Host.
[[nodiscard]] bool is_cross_site(const parsers::RequestHead& head);

}  // namespace sluice
