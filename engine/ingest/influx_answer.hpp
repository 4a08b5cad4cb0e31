// What clients of InfluxDB's two write endpoints are answered: 204, or an error in the shape of /write (1.x) or of
// /api/v2/write (2.x). A temporary refusal is 503 on both: a 4xx makes their clients drop what they hold.
#pragma once

#include "engine/http/response.hpp"
#include "engine/ingest/ingest_result.hpp"
#include "engine/ingest/request_refusal.hpp"

namespace sluice {

// Headers of every answer, which clients look for. The version is the one whose behaviour is meant.
inline constexpr std::string_view influx_version = "1.8.10";
void add_influx_headers(http::Response& response);

// 204. Where lines were refused: 400, although the other lines are taken, because no client sends a line again that
// cannot be read.
void answer_influx_v1(const IngestResult& result, http::Response& response, http::BlockPool& blocks);
void answer_influx_v2(const IngestResult& result, http::Response& response, http::BlockPool& blocks);

// {"error":"…"}
void refuse_influx_v1(const RequestRefusal& refusal, http::Response& response, http::BlockPool& blocks);
// {"code":"…","message":"…"}
void refuse_influx_v2(const RequestRefusal& refusal, http::Response& response, http::BlockPool& blocks);

}  // namespace sluice
