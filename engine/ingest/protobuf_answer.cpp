#include "engine/ingest/protobuf_answer.hpp"

#include "engine/ingest/format.hpp"
#include "engine/ingest/json_answer.hpp"
#include "engine/ingest/message_text.hpp"
#include "engine/ingest/refusal_headers.hpp"
#include "engine/ingest/response_body.hpp"

namespace sluice {
namespace {

// Field numbers of TelemetryResult, Error and RecordRange (telemetry.proto).
namespace result_field {
constexpr std::uint32_t accepted = 1, rejected = 2, errors = 3, ack = 4, stored = 5, failed = 6, failed_records = 7;
}
namespace error_field {
constexpr std::uint32_t index = 1, code = 2, error = 3, offset = 4;
}
namespace range_field {
constexpr std::uint32_t first = 1, last = 2;
}

// In the order of the field numbers, as libprotobuf writes them; proto3 leaves zeroes out.
void add_count(std::uint32_t field, std::uint64_t count, ResponseBody& body) {
    if (count != 0) body << MessageText().varint_field(field, count).view();
}

void add_message(std::uint32_t field, const MessageText& message, ResponseBody& body) {
    body << MessageText().text_field(field, message.view()).view();
}

// Of records.
void add_errors(const IngestResult& result, ResponseBody& body) {
    for (std::uint32_t i = 0; i < result.errors_count; ++i) {
        const RecordError& record = result.errors[i];
        const RefusalInfo& info = info_of(record.refusal);
        MessageText error;
        error.varint_field(error_field::index, record.index)
            .text_field(error_field::code, info.code)
            .text_field(error_field::error, info.sentence);
        if (is_fault_of_text(record.refusal)) error.varint_field(error_field::offset, record.offset);
        add_message(result_field::errors, error, body);
    }
}

// Of the request as a whole: it has no index.
void add_error(const RequestRefusal& refusal, ResponseBody& body) {
    const RefusalInfo& info = info_of(refusal.reason);
    MessageText error;
    error.text_field(error_field::code, info.code).text_field(error_field::error, info.sentence);
    if (refusal.has_offset) error.varint_field(error_field::offset, refusal.offset);
    add_message(result_field::errors, error, body);
}

// Of a request that the sink took in part, unless it was one sample.
void add_failed_records(const RequestRefusal& refusal, ResponseBody& body) {
    for (const RecordRange& range : refusal.failed_records) {
        MessageText message;
        if (range.first_index != 0) message.varint_field(range_field::first, range.first_index);
        if (range.last_index != 0) message.varint_field(range_field::last, range.last_index);
        add_message(result_field::failed_records, message, body);
    }
}

}  // namespace

void answer_protobuf(const IngestResult& result, http::Response& response, http::BlockPool& blocks) {
    const bool is_refused = result.accepted == 0;
    response.start(result.rejected == 0 ? 200 : is_refused ? 400 : 207, protobuf_content_type);
    if (result.is_replayed) response.add_header(replayed_header.name, replayed_header.value);
    if (!is_refused) response.add_header(ack_header_name, name_of(result.ack));
    ResponseBody body(response, blocks);
    add_count(result_field::accepted, result.accepted, body);
    add_count(result_field::rejected, result.rejected, body);
    if (is_refused) {
        response.set_refusal(Refusal::all_records_refused);
        add_error({.reason = Refusal::all_records_refused}, body);
    }
    add_errors(result, body);
    if (!is_refused) body << MessageText().text_field(result_field::ack, name_of(result.ack)).view();
}

void refuse_protobuf(const RequestRefusal& refusal, http::Response& response, http::BlockPool& blocks) {
    response.start(refusal.status(), protobuf_content_type);
    response.set_refusal(refusal.reason);
    add_refusal_headers(refusal, response);
    const bool is_list = refusal.has_stored && refusal.result != nullptr && !refusal.result->is_single;
    ResponseBody body(response, blocks);
    if (is_list) add_count(result_field::rejected, refusal.result->rejected, body);
    add_error(refusal, body);
    if (is_list) add_errors(*refusal.result, body);
    add_count(result_field::stored, refusal.samples_stored, body);
    add_count(result_field::failed, refusal.samples_failed, body);
    if (is_list) add_failed_records(refusal, body);
}

}  // namespace sluice
