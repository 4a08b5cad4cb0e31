// The answers of OTLP over HTTP: ExportMetricsServiceResponse and google.rpc.Status, in the encoding of the request.
#pragma once

#include "engine/http/response.hpp"
#include "engine/ingest/ingest_result.hpp"
#include "engine/ingest/request_refusal.hpp"

namespace sluice {

void answer_otlp(const IngestResult& result, http::Response& response, http::BlockPool& blocks);
void refuse_otlp(const RequestRefusal& refusal, http::Response& response, http::BlockPool& blocks);

}  // namespace sluice
