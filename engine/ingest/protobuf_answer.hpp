// What clients of POST /telemetry are answered that send Protocol Buffers and accept them: a TelemetryResult
// (parsers/telemetry/telemetry.proto). Status and headers are those of the JSON answers.
#pragma once

#include "engine/http/response.hpp"
#include "engine/ingest/ingest_result.hpp"
#include "engine/ingest/request_refusal.hpp"

namespace sluice {

inline constexpr std::string_view protobuf_content_type = "application/x-protobuf";

// 200, 207, or 400 where each record was refused.
void answer_protobuf(const IngestResult& result, http::Response& response, http::BlockPool& blocks);
// The status of the refusal's row.
void refuse_protobuf(const RequestRefusal& refusal, http::Response& response, http::BlockPool& blocks);

}  // namespace sluice
