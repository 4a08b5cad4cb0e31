// AdminAnswer: status, content type and body of an admin page. Data and admin listeners share it. Values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/admin/readiness.hpp"
#include "engine/core/refusal.hpp"
#include "engine/http/response.hpp"

namespace sluice {

struct AdminAnswer {
    std::uint16_t status = 200;
    std::string_view content_type = "application/json";  // static
    std::string body;
};

// GET /health: the process runs and its event loop answers.
[[nodiscard]] AdminAnswer health_answer();
// GET /ready: 200, or 503 with the reason.
[[nodiscard]] AdminAnswer ready_answer(const ReadinessState& state);
// The error of `reason`, with the status and the sentence of the table of refusals.
[[nodiscard]] AdminAnswer refusal_answer(Refusal reason);

// Makes `response` of it. `retry_after_s`: what a 503 tells the client.
// The body is copied, so `answer` need not live on. On the thread of the server that owns `blocks`.
void fill_response(const AdminAnswer& answer, std::uint64_t retry_after_s, http::Response& response,
                   http::BlockPool& blocks);

}  // namespace sluice
