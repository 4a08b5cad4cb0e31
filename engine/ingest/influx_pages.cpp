#include "engine/ingest/influx_pages.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>
#include <string>

#include "engine/core/build_info.hpp"
#include "engine/core/escape.hpp"
#include "engine/ingest/influx_answer.hpp"
#include "engine/ingest/json_answer.hpp"
#include "engine/ingest/percent.hpp"

namespace sluice {
namespace {

// Of `text`, a list of NAME=VALUE with & between them: the value of `name` as it stands there.
std::optional<std::string_view> parameter_of(std::string_view text, std::string_view name) {
    while (!text.empty()) {  // ends: each turn takes a parameter off
        const std::string_view parameter = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(text.size(), parameter.size() + 1));
        if (parameter.substr(0, parameter.find('=')) != name) continue;
        return parameter.substr(std::min(parameter.size(), name.size() + 1));
    }
    return std::nullopt;
}

// application/x-www-form-urlencoded, in lower case and without blanks around it; cut at what no statement of ours has.
std::string statement_of(std::string_view value) {
    constexpr std::size_t bytes_max = 64;
    std::string text;
    for (std::size_t at = 0; at < value.size() && text.size() < bytes_max; ++at) {
        const auto triplet = decoded_triplet(value.substr(at));
        const char c = triplet.value_or(value[at] == '+' ? ' ' : value[at]);
        text += static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        at += triplet ? 2 : 0;
    }
    constexpr std::string_view blanks = " \t\r\n;";
    const std::size_t begin = std::min(text.find_first_not_of(blanks), text.size());
    text.erase(0, begin);
    text.erase(text.find_last_not_of(blanks) + 1);
    return text;
}

void start(std::uint16_t status, http::Response& response) {
    response.start(status, status == 204 ? std::string_view{} : json_content_type);
    add_influx_headers(response);
}

void answer_ping(const http::Request& request, http::Response& response, http::BlockPool& blocks) {
    const std::string_view verbose = parameter_of(request.query, "verbose").value_or("");
    if (verbose.empty() || verbose == "0" || verbose == "false") return start(204, response);
    start(200, response);
    response.append_body(blocks, "{\"version\":\"" + std::string(influx_version) + "\"}\n");
}

// Clients ask for databases before they write, or make one: a 200 without an error is all that they want.
void answer_query(const http::Request& request, http::Response& response, http::BlockPool& blocks) {
    auto statement = parameter_of(request.query, "q");
    if (!statement) statement = parameter_of(request.body, "q");
    if (!statement || statement->empty()) {
        start(400, response);
        response.add_header("X-Influxdb-Error", "missing required parameter \"q\"");
        return response.append_body(blocks, "{\"error\":\"missing required parameter \\\"q\\\"\"}\n");
    }
    start(200, response);
    constexpr std::string_view databases =
        R"({"results":[{"statement_id":0,"series":[{"name":"databases","columns":["name"],"values":[["telemetry"]]}]}]})";
    const bool asks_for_databases = statement_of(*statement) == "show databases";
    response.append_body(blocks, asks_for_databases ? databases : R"({"results":[{"statement_id":0}]})");
    response.append_body(blocks, "\n");
}

void answer_health(const InfluxState& state, http::Response& response, http::BlockPool& blocks) {
    const bool is_ready = state.not_ready_reason.empty();
    start(is_ready ? 200 : 503, response);
    std::string body = R"({"name":"influxdb","message":)";
    body += is_ready ? "\"ready for queries and writes\""
                     : quoted(state.not_ready_reason, limits::log_value_bytes_max, EscapeStyle::json);
    body += is_ready ? R"(,"status":"pass","checks":[],"version":")" : R"(,"status":"fail","checks":[],"version":")";
    response.append_body(blocks, body + SLUICE_VERSION + "\"}");
}

std::string utc_text(std::int64_t unix_ns) {
    const std::time_t seconds = unix_ns / 1'000'000'000;
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

void answer_ready(const InfluxState& state, http::Response& response, http::BlockPool& blocks) {
    start(200, response);
    const std::int64_t up_s = (state.now_ns - state.started_ns) / 1'000'000'000;
    response.append_body(blocks, R"({"status":"ready","started":")" + utc_text(state.started_ns) + R"(","up":")" +
                                     std::to_string(up_s) + "s\"}");
}

}  // namespace

void answer_influx_page(InfluxPage page, const http::Request& request, const InfluxState& state,
                        http::Response& response, http::BlockPool& blocks) {
    switch (page) {
        case InfluxPage::ping: return answer_ping(request, response, blocks);
        case InfluxPage::ping_v2: return start(204, response);
        case InfluxPage::query: return answer_query(request, response, blocks);
        case InfluxPage::health: return answer_health(state, response, blocks);
        case InfluxPage::ready: return answer_ready(state, response, blocks);
    }
}

}  // namespace sluice
