#include "engine/ingest/json_answer.hpp"

#include <array>
#include <string>

#include "engine/core/check.hpp"
#include "engine/http/status.hpp"
#include "engine/ingest/format.hpp"
#include "engine/ingest/refusal_headers.hpp"
#include "engine/ingest/response_body.hpp"

namespace sluice {
namespace {

constexpr std::array levels{AckLevel::queued, AckLevel::journaled, AckLevel::stored, AckLevel::replicated,
                            AckLevel::none};
static_assert(levels.size() == ack_levels_count);

constexpr bool every_refusal_has_a_reason_phrase = [] {
    for (const RefusalInfo& info : refusal_table)
        if (http::reason_of(static_cast<std::uint16_t>(info.status)).empty()) return false;
    return true;
}();
static_assert(every_refusal_has_a_reason_phrase, "add the status to engine/http/status.hpp");

constexpr std::string_view single_body_begin = R"({"ok":true,"message":"Telemetry received","ack":")";

std::string single_body(AckLevel level) { return std::string(single_body_begin) + std::string(name_of(level)) + "\"}"; }

void list_errors(const IngestResult& result, ResponseBody& body) {
    body << ",\"rejected\":" << result.rejected << ",\"errors\":[";
    for (std::uint32_t i = 0; i < result.errors_count; ++i) {
        const RefusalInfo& info = info_of(result.errors[i].refusal);
        body << (i == 0 ? "{\"index\":" : ",{\"index\":") << result.errors[i].index << ",\"code\":\"" << info.code
             << "\",\"error\":\"" << info.sentence << "\"";
        if (is_fault_of_text(result.errors[i].refusal)) body << ",\"offset\":" << result.errors[i].offset;
        body << "}";
    }
    body << "]";
}

void count_and_list_errors(const IngestResult& result, ResponseBody& body) {
    body << ",\"accepted\":" << result.accepted;
    list_errors(result, body);
    body << "}";
}

// What became of the records of a request that the sink took in part.
void tell_stored(const RequestRefusal& refusal, ResponseBody& body) {
    body << ",\"stored\":" << refusal.samples_stored << ",\"failed\":" << refusal.samples_failed;
    if (refusal.result == nullptr || refusal.result->is_single) return;
    body << ",\"failed_records\":[";
    for (const RecordRange& range : refusal.failed_records)
        body << (&range == refusal.failed_records.data() ? "[" : ",[") << range.first_index << "," << range.last_index
             << "]";
    body << "]";
    if (refusal.result->rejected != 0) list_errors(*refusal.result, body);
}

void tell_where(const RequestRefusal& refusal, ResponseBody& body) {
    body << ",\"where\":\"" << refusal.where_path;
    if (!refusal.where_key.empty()) body << " at the address of " << refusal.where_key;
    body << "\"";
}

}  // namespace

std::vector<http::PreparedResponse> prepared_json_answers() {
    std::vector<http::PreparedResponse> answers;
    for (const AckLevel level : levels)
        answers.push_back({.status = 200,
                           .content_type = json_content_type,
                           .headers = {{ack_header_name, name_of(level)}},
                           .body = single_body(level)});
    return answers;
}

void answer_json(const IngestResult& result, http::Response& response, http::BlockPool& blocks) {
    if (result.rejected == 0 && result.is_single && !result.is_replayed)
        return response.use_prepared(static_cast<http::PreparedIndex>(result.ack));
    const bool is_refused = result.accepted == 0;
    response.start(result.rejected == 0 ? 200 : is_refused ? 400 : 207, json_content_type);
    if (result.is_replayed) response.add_header(replayed_header.name, replayed_header.value);
    if (!is_refused) response.add_header(ack_header_name, name_of(result.ack));
    ResponseBody body(response, blocks);
    if (is_refused) {
        const RefusalInfo& info = info_of(Refusal::all_records_refused);
        response.set_refusal(Refusal::all_records_refused);
        body << "{\"ok\":false,\"error\":\"" << info.sentence << "\",\"code\":\"" << info.code << "\"";
        return count_and_list_errors(result, body);
    }
    if (result.rejected != 0) {
        body << R"({"ok":false,"message":"Some records were refused.","ack":")" << name_of(result.ack) << "\"";
        return count_and_list_errors(result, body);
    }
    if (result.is_single) {
        body << single_body_begin << name_of(result.ack) << "\"}";
        return;
    }
    body << R"({"ok":true,"message":"Telemetry received","ack":")" << name_of(result.ack)
         << "\",\"accepted\":" << result.accepted << ",\"rejected\":0}";
}

void refuse_json(const RequestRefusal& refusal, http::Response& response, http::BlockPool& blocks) {
    const RefusalInfo& info = info_of(refusal.reason);
    response.start(refusal.status(), json_content_type);
    response.set_refusal(refusal.reason);
    add_refusal_headers(refusal, response);
    ResponseBody body(response, blocks);
    body << "{\"ok\":false,\"error\":\"" << info.sentence << "\",\"code\":\"" << info.code << "\"";
    if (refusal.excess) body << ",\"policy\":\"" << name_of(refusal.excess->kind) << "\"";
    if (refusal.has_offset) body << ",\"offset\":" << refusal.offset;
    if (refusal.has_stored) tell_stored(refusal, body);
    if (!refusal.nearest_parameter.empty()) body << ",\"nearest\":\"" << refusal.nearest_parameter << "\"";
    if (!refusal.where_path.empty()) tell_where(refusal, body);
    body << "}";
}

}  // namespace sluice
