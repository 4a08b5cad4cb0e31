#include "engine/admin/answer.hpp"

#include <nlohmann/json.hpp>

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

AdminAnswer json_answer(int status, const Json& body) {
    return {static_cast<std::uint16_t>(status), http::ContentType::json,
            body.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

}  // namespace

AdminAnswer health_answer() { return {200, http::ContentType::json, R"({"status":"ok"})"}; }

AdminAnswer ready_answer(const ReadinessState& state) {
    if (state.is_ready) return {200, http::ContentType::json, R"({"status":"ready"})"};
    Json body{{"ok", false}, {"status", "not ready"}, {"error", state.reason}, {"code", state.code}};
    if (!state.breaker.empty()) body["breaker"] = state.breaker;
    return json_answer(503, body);
}

AdminAnswer refusal_answer(Refusal reason) {
    const RefusalInfo& info = info_of(reason);
    return json_answer(info.status, {{"ok", false}, {"error", info.sentence}, {"code", info.code}});
}

}  // namespace sluice
