#include "engine/ingest/otlp_answer.hpp"

#include <algorithm>

#include "engine/ingest/format.hpp"
#include "engine/ingest/json_answer.hpp"
#include "engine/ingest/message_text.hpp"
#include "engine/ingest/refusal_headers.hpp"
#include "engine/ingest/response_body.hpp"
#include "parsers/otlp/otlp_decoder.hpp"

namespace sluice {
namespace {

// A client drops its data at once if it is told to wait longer than what is left of its export timeout (OpenTelemetry
// for JavaScript, 10 s).
constexpr std::uint64_t otlp_retry_after_s_max = 5;

bool is_json(parsers::Dialect dialect) {
    return static_cast<parsers::OtlpEncoding>(dialect) == parsers::OtlpEncoding::json;
}

std::string_view content_type_of(parsers::Dialect dialect) {
    return is_json(dialect) ? json_content_type : std::string_view("application/x-protobuf");
}

// The codes of google.rpc.Code.
std::uint32_t status_code_of(int status) {
    switch (status) {
        case 401: return 16;  // UNAUTHENTICATED
        case 403: return 7;   // PERMISSION_DENIED
        case 404:
        case 405: return 12;  // UNIMPLEMENTED
        case 429: return 8;   // RESOURCE_EXHAUSTED
        case 503: return 14;  // UNAVAILABLE
        default: return 3;    // INVALID_ARGUMENT
    }
}

}  // namespace

// Points that are refused would be refused again: 200, and how many they are. The client sends none again.
void answer_otlp(const IngestResult& result, http::Response& response, http::BlockPool& blocks) {
    response.start(200, content_type_of(result.dialect));
    response.add_header(ack_header_name, name_of(result.ack));
    if (result.is_replayed) response.add_header("Idempotent-Replayed", "true");
    ResponseBody body(response, blocks);
    if (result.rejected == 0) {
        if (is_json(result.dialect)) body << "{}";
        return;
    }
    if (result.accepted == 0) response.set_refusal(Refusal::all_records_refused);
    const RefusalInfo& first = info_of(result.errors[0].refusal);
    MessageText sentence;
    sentence << "The first, data point " << result.errors[0].index << ": " << first.sentence << " (" << first.code
             << ")";
    if (is_json(result.dialect)) {
        body << R"({"partialSuccess":{"rejectedDataPoints":")" << result.rejected << R"(","errorMessage":")"
             << sentence.view() << "\"}}";
        return;
    }
    MessageText partial, message;
    partial.varint_field(1, result.rejected).text_field(2, sentence.view());
    body << message.text_field(1, partial.view()).view();
}

void refuse_otlp(const RequestRefusal& refusal, http::Response& response, http::BlockPool& blocks) {
    const RefusalInfo& info = info_of(refusal.reason);
    const bool is_type_unknown = refusal.reason == Refusal::unsupported_media_type;
    response.start(refusal.status(),
                   is_type_unknown ? std::string_view("text/plain; charset=utf-8") : content_type_of(refusal.dialect));
    response.set_refusal(refusal.reason);
    RequestRefusal told = refusal;
    told.retry_after_s = std::min(refusal.retry_after_s, otlp_retry_after_s_max);
    add_refusal_headers(told, response);
    const std::uint32_t code = status_code_of(refusal.status());
    MessageText sentence, status;
    sentence << info.sentence << " (" << info.code << ")";
    ResponseBody body(response, blocks);
    if (is_type_unknown) body << sentence.view() << "\n";
    else if (is_json(refusal.dialect)) body << "{\"code\":" << code << R"(,"message":")" << sentence.view() << "\"}";
    else body << status.varint_field(1, code).text_field(2, sentence.view()).view();
}

}  // namespace sluice
