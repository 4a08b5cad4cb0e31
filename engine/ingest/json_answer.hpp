// What clients of the JSON format are answered, and whoever asks for something that no format has. Fills responses; the
// bodies stand in docs/errors.md.
#pragma once

#include <string_view>
#include <vector>

#include "engine/http/response.hpp"
#include "engine/ingest/ingest_result.hpp"
#include "engine/ingest/request_refusal.hpp"

namespace sluice {

inline constexpr std::string_view json_content_type = "application/json";
inline constexpr http::Header replayed_header{"Idempotent-Replayed", "true"};

// 200, 207, or 400 where each record was refused.
void answer_json(const IngestResult& result, http::Response& response, http::BlockPool& blocks);
// The status of the refusal's row, and {"ok":false,"error":…,"code":…}.
void refuse_json(const RequestRefusal& refusal, http::Response& response, http::BlockPool& blocks);

// The answers to one accepted sample, one for each level: ResponseRenderer's prepared ones. answer_json() names them.
[[nodiscard]] std::vector<http::PreparedResponse> prepared_json_answers();

}  // namespace sluice
