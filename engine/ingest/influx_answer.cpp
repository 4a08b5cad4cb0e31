#include "engine/ingest/influx_answer.hpp"

#include <string>
#include <string_view>

#include "engine/core/escape.hpp"
#include "engine/ingest/format.hpp"
#include "engine/ingest/json_answer.hpp"
#include "engine/ingest/refusal_headers.hpp"
#include "engine/ingest/response_body.hpp"

namespace sluice {
namespace {

// The codes of InfluxDB 2.
constexpr std::string_view code_of(int status) {
    switch (status) {
        case 401: return "unauthorized";
        case 403: return "forbidden";
        case 404: return "not found";
        case 405: return "method not allowed";
        case 413: return "request too large";
        case 422: return "unprocessable entity";
        case 429: return "too many requests";
        case 503: return "unavailable";
        default: return "invalid";
    }
}

// What came of the lines, in the words of InfluxDB: the first that was refused, and how many more.
void tell_lines(const IngestResult& result, ResponseBody& body) {
    const FirstFault& first = result.first_fault;
    if (result.accepted != 0) body << "partial write: ";
    std::string excerpt;
    append_escaped(excerpt, first.excerpt(), first.text.size(), EscapeStyle::json);
    body << "unable to parse '" << excerpt << (first.is_cut ? cut_mark : std::string_view{})
         << "': " << info_of(result.errors[0].refusal).sentence << " (line " << first.line << ")";
    if (result.rejected > 1) body << " (and " << result.rejected - 1 << " other lines)";
    if (result.accepted != 0) body << " dropped=" << result.rejected;
}

void start(std::uint16_t status, const IngestResult& result, http::Response& response) {
    response.start(status, status == 204 ? std::string_view{} : json_content_type);
    add_influx_headers(response);
    if (result.accepted != 0 || status == 204) response.add_header(ack_header_name, name_of(result.ack));
    if (result.is_replayed) response.add_header("Idempotent-Replayed", "true");
    if (status != 204 && result.accepted == 0) response.set_refusal(Refusal::all_records_refused);
}

// In front of the sentence, as InfluxDB 1.x begins.
constexpr std::string_view prefix_of(int status) {
    return status == 503 ? "timeout: " : status == 403 ? "not authorized to write or query: " : "";
}

// What both shapes have in common. The sentence of a 503 must not be one that a client of 1.x takes for a line that
// cannot be read: those begin with "partial write" or "unable to parse".
const RefusalInfo& start(const RequestRefusal& refusal, http::Response& response) {
    response.start(refusal.status(), json_content_type);
    response.set_refusal(refusal.reason);
    add_influx_headers(response);
    add_refusal_headers(refusal, response);
    return info_of(refusal.reason);
}

}  // namespace

void add_influx_headers(http::Response& response) {
    response.add_header("X-Influxdb-Version", influx_version);
    response.add_header("X-Influxdb-Build", "OSS");
}

void answer_influx_v1(const IngestResult& result, http::Response& response, http::BlockPool& blocks) {
    if (result.rejected == 0) return start(204, result, response);
    start(400, result, response);
    response.add_header("X-Influxdb-Error", info_of(result.errors[0].refusal).sentence);
    ResponseBody body(response, blocks);
    body << "{\"error\":\"";
    tell_lines(result, body);
    body << "\"}\n";
}

void answer_influx_v2(const IngestResult& result, http::Response& response, http::BlockPool& blocks) {
    if (result.rejected == 0) return start(204, result, response);
    start(400, result, response);
    response.add_header("X-Platform-Error-Code", code_of(400));
    ResponseBody body(response, blocks);
    body << R"({"code":")" << code_of(400) << R"(","message":")";
    tell_lines(result, body);
    body << R"(","line":)" << result.first_fault.line << "}";
}

void refuse_influx_v1(const RequestRefusal& refusal, http::Response& response, http::BlockPool& blocks) {
    const RefusalInfo& info = start(refusal, response);
    ResponseBody body(response, blocks);
    if (info.status == 401) {  // in the words of InfluxDB, which clients look for
        body << "{\"error\":\"authorization failed\"}\n";
        return;
    }
    response.add_header("X-Influxdb-Error", info.sentence);
    body << "{\"error\":\"" << prefix_of(refusal.status()) << info.sentence << "\"}\n";
}

void refuse_influx_v2(const RequestRefusal& refusal, http::Response& response, http::BlockPool& blocks) {
    const RefusalInfo& info = start(refusal, response);
    response.add_header("X-Platform-Error-Code", code_of(refusal.status()));
    const std::string_view sentence = info.status == 401 ? "unauthorized access" : info.sentence;
    ResponseBody body(response, blocks);
    body << R"({"code":")" << code_of(refusal.status()) << R"(","message":")" << sentence << "\"}";
}

}  // namespace sluice
