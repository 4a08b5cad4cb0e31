// The headers that an error has in any shape. The reactor's thread.
#pragma once

#include <span>

#include "engine/http/response.hpp"
#include "engine/ingest/request_refusal.hpp"

namespace sluice {

// What was used up: draft-ietf-httpapi-ratelimit-headers. A quota of connections is no rate.
void add_quota_headers(const tenants::QuotaExcess& excess, http::Response& response);
// What is left of each bound, whatever the answer will be.
void set_quota_lines(std::span<const tenants::QuotaLevel> levels, http::Response& response);

// Those that are told.
inline void add_refusal_headers(const RequestRefusal& refusal, http::Response& response) {
    if (refusal.retry_after_s != 0) response.add_header("Retry-After", refusal.retry_after_s);
    if (!refusal.allow.empty()) response.add_header("Allow", refusal.allow);
    if (!refusal.accept.empty()) response.add_header("Accept", refusal.accept);
    if (!refusal.accept_encoding.empty()) response.add_header("Accept-Encoding", refusal.accept_encoding);
    if (refusal.excess && refusal.excess->kind != tenants::QuotaKind::connections && !response.has_lines())
        add_quota_headers(*refusal.excess, response);
    if (!refusal.challenge.empty()) response.add_header("WWW-Authenticate", refusal.challenge);
}

}  // namespace sluice
