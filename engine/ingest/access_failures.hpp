// AccessFailures: what follows from a request without the right to be there: a line in the log, at most one a second,
// and the end of the connection of an address that fails too often. One for each server, on its thread.
#pragma once

#include <optional>
#include <string_view>

#include "engine/http/application.hpp"
#include "engine/log/log.hpp"
#include "engine/server/client_addresses.hpp"
#include "engine/tenants/failures.hpp"
#include "engine/tenants/tenant_quotas.hpp"

namespace sluice {

struct Denied {
    Refusal reason;
    bool ends_connection = false;
    std::optional<tenants::QuotaExcess> excess{};  // of quota_exceeded
};

class AccessFailures {
  public:
    // `failures` is shared with other servers. Both outlive this.
    AccessFailures(tenants::Failures& failures, ClientAddresses& clients) : failures_(failures), clients_(clients) {}

    // `why`: what is wrong with the token, for the log. `id`: the public id of a token that is known; empty: it is
    // none.
    [[nodiscard]] Denied note(const http::Request& request, Refusal reason, std::string_view why,
                              std::string_view id = {});
    [[nodiscard]] ClientAddresses& clients() { return clients_; }

  private:
    tenants::Failures& failures_;
    ClientAddresses& clients_;
    log::RateLimited log_;
};

}  // namespace sluice
