#include "engine/admin/answer.hpp"

#include <nlohmann/json.hpp>

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

// Bytes that are not UTF-8 become U+FFFD. The library throws by default, and the reason of /ready may hold what Redis
// sent.
AdminAnswer json_answer(int status, const Json& body) {
    return {.status = static_cast<std::uint16_t>(status),
            .body = body.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

}  // namespace

AdminAnswer health_answer() { return {.body = R"({"status":"ok"})"}; }

AdminAnswer ready_answer(const ReadinessState& state) {
    if (state.is_ready) return {.body = R"({"status":"ready"})"};
    Json body{{"ok", false}, {"status", "not ready"}, {"error", state.reason}, {"code", state.code}};
    if (!state.breaker.empty()) body["breaker"] = state.breaker;
    return json_answer(503, body);
}

AdminAnswer refusal_answer(Refusal reason) {
    const RefusalInfo& info = info_of(reason);
    return json_answer(info.status, {{"ok", false}, {"error", info.sentence}, {"code", info.code}});
}

// Unlike refuse_json() it does not name the refusal to the response (set_refusal()). So a page that is refused counts
// as a response of its status class, and under no reason.
// Each 503 has Retry-After (RFC 9110 section 10.2.3), also that of /ready.
void fill_response(const AdminAnswer& answer, std::uint64_t retry_after_s, http::Response& response,
                   http::BlockPool& blocks) {
    response.start(answer.status, answer.content_type);
    if (answer.status == 503) response.add_header("Retry-After", retry_after_s);
    response.append_body(blocks, answer.body);
}

}  // namespace sluice
