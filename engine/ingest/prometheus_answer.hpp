// The answers of Prometheus remote write: no body where all was taken, else a line of text; and how many samples,
// histograms and exemplars were written (remote write 2.0, "Required Written Response Headers").
#pragma once

#include "engine/http/response.hpp"
#include "engine/ingest/ingest_result.hpp"
#include "engine/ingest/request_refusal.hpp"

namespace sluice {

void answer_prometheus(const IngestResult& result, http::Response& response, http::BlockPool& blocks);
void refuse_prometheus(const RequestRefusal& refusal, http::Response& response, http::BlockPool& blocks);

}  // namespace sluice
