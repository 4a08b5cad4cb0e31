// AccessFailures: what follows from a request without the right to be there: a line in the log, at most one a second,
// and the end of the connection of an address that fails too often. One for each server, on its thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/http/application.hpp"
#include "engine/log/log.hpp"
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
    // `failures` is shared with other servers, and outlives this. `peer_of`: as Server::peer_of().
    AccessFailures(tenants::Failures& failures, std::function<std::string(Slot)> peer_of)
        : failures_(failures), peer_of_(std::move(peer_of)) {}

    // `why`: what is wrong with the token, for the log. `id`: the public id of a token that is known; empty: it is
    // none.
    [[nodiscard]] Denied note(const http::Request& request, Refusal reason, std::string_view why,
                              std::string_view id = {});
    [[nodiscard]] std::string peer_of(Slot slot) const { return peer_of_(slot); }

  private:
    tenants::Failures& failures_;
    const std::function<std::string(Slot)> peer_of_;
    log::RateLimited log_;
};

}  // namespace sluice
