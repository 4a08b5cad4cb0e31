// AdminAnswer: the status, content type and body of an answer whose text does not depend on HTTP. The bodies that two
// listeners give (data and admin) stand here once. Values; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "engine/admin/readiness.hpp"
#include "engine/core/refusal.hpp"
#include "engine/http/reply.hpp"

namespace sluice {

struct AdminAnswer {
    std::uint16_t status = 200;
    http::ContentType type = http::ContentType::json;
    std::string body;
};

// GET /health: the process runs and its event loop answers.
[[nodiscard]] AdminAnswer health_answer();
// GET /ready: 200, or 503 with the reason.
[[nodiscard]] AdminAnswer ready_answer(const ReadinessState& state);
// The error of `reason`, with the status and the sentence of the table of refusals.
[[nodiscard]] AdminAnswer refusal_answer(Refusal reason);

}  // namespace sluice
