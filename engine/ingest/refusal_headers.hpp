// The headers that an error has in any shape. The reactor's thread.
#pragma once

#include "engine/http/response.hpp"
#include "engine/ingest/request_refusal.hpp"

namespace sluice {

// Those that are told.
inline void add_refusal_headers(const RequestRefusal& refusal, http::Response& response) {
    if (refusal.retry_after_s != 0) response.add_header("Retry-After", refusal.retry_after_s);
    if (!refusal.allow.empty()) response.add_header("Allow", refusal.allow);
    if (!refusal.accept.empty()) response.add_header("Accept", refusal.accept);
    if (!refusal.accept_encoding.empty()) response.add_header("Accept-Encoding", refusal.accept_encoding);
}

}  // namespace sluice
