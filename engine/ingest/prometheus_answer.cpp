#include "engine/ingest/prometheus_answer.hpp"

#include "engine/ingest/format.hpp"
#include "engine/ingest/refusal_headers.hpp"
#include "engine/ingest/response_body.hpp"

namespace sluice {
namespace {

constexpr std::string_view text_content_type = "text/plain; charset=utf-8";

// A 2xx to a request of 2.0 without these headers counts as one that wrote nothing. Clients of 1.0 ignore them.
void add_written(const Kinds& kinds, http::Response& response) {
    response.add_header("X-Prometheus-Remote-Write-Samples-Written", kinds.samples_count);
    response.add_header("X-Prometheus-Remote-Write-Histograms-Written", kinds.histograms_count);
    response.add_header("X-Prometheus-Remote-Write-Exemplars-Written", kinds.exemplars_count);
}

}  // namespace

// Prometheus sends a request again after a 5xx only: 400 is for what would be refused again. The good records are
// stored; the text says of how many that is so.
void answer_prometheus(const IngestResult& result, http::Response& response, http::BlockPool& blocks) {
    const bool is_whole = result.rejected == 0;
    response.start(is_whole ? 204 : 400, is_whole ? std::string_view{} : text_content_type);
    if (is_whole || result.accepted != 0) response.add_header(ack_header_name, name_of(result.ack));
    if (result.is_replayed) response.add_header("Idempotent-Replayed", "true");
    add_written(result.kinds, response);
    if (is_whole) return;
    if (result.accepted == 0) response.set_refusal(Refusal::all_records_refused);
    const RefusalInfo& first = info_of(result.errors[0].refusal);
    ResponseBody body(response, blocks);
    body << "Refused " << result.rejected << " of " << result.rejected + result.accepted << " records";
    if (result.accepted != 0) body << ", the others are " << name_of(result.ack);
    body << ". The first, record " << result.errors[0].index << ": " << first.sentence << " (" << first.code << ")\n";
}

void refuse_prometheus(const RequestRefusal& refusal, http::Response& response, http::BlockPool& blocks) {
    const RefusalInfo& info = info_of(refusal.reason);
    response.start(refusal.status(), text_content_type);
    response.set_refusal(refusal.reason);
    add_refusal_headers(refusal, response);
    add_written({}, response);
    ResponseBody body(response, blocks);
    body << info.sentence << " (" << info.code << ")\n";
}

}  // namespace sluice
