#include "engine/server/refusal_log.hpp"

#include <algorithm>
#include <vector>

namespace sluice {
namespace {

std::string_view name_of(parsers::Method method) {
    switch (method) {
        case parsers::Method::get: return "GET";
        case parsers::Method::head: return "HEAD";
        case parsers::Method::post: return "POST";
        case parsers::Method::options: return "OPTIONS";
        case parsers::Method::other: break;
    }
    return "other";
}

}  // namespace

std::string_view excerpt_of(std::string_view text, std::optional<std::uint64_t> offset) {
    const auto at = static_cast<std::size_t>(std::min<std::uint64_t>(offset.value_or(0), text.size()));
    const std::size_t begin = at - std::min(at, RefusalLog::excerpt_bytes_before_max);
    return text.substr(begin, at - begin + RefusalLog::excerpt_bytes_behind_max);
}

std::string parameter_names(std::string_view query) {
    std::string names;
    while (!query.empty()) {  // ends: each turn takes a parameter off
        const std::string_view parameter = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), parameter.size() + 1));
        if (!names.empty()) names += ',';
        names += parameter.substr(0, parameter.find('='));
    }
    return names;
}

void RefusalLog::write_head(Refusal reason, Slot slot, const http::Request* request) {
    const auto suppressed_count = log_.admit(server_.now_ns());
    if (!suppressed_count) return;
    const std::string peer = server_.peer_of(slot);
    const std::string client = request == nullptr ? std::string{} : clients_.forwarded_of(*request);
    std::string names;
    std::vector<log::Field> fields{{"peer", peer}, {"code", info_of(reason).code}};
    if (!client.empty()) fields.emplace_back("client", client);
    if (request != nullptr && !request->path.empty()) {
        names = parameter_names(request->query);
        fields.emplace_back("method", name_of(request->head.method));
        fields.emplace_back("path", request->path);
        if (!names.empty()) fields.emplace_back("parameters", names);
    }
    log::write(LogLevel::debug, "request_refused", fields, *suppressed_count);
}

void RefusalLog::write_body(Refusal reason, Slot slot, const Body& body) {
    const auto suppressed_count = log_.admit(server_.now_ns());
    if (!suppressed_count) return;
    const std::string peer = server_.peer_of(slot);
    std::vector<log::Field> fields{{"peer", peer}, {"code", info_of(reason).code}};
    if (body.record_index) fields.emplace_back("index", *body.record_index);
    if (body.records_refused_count > 1) fields.emplace_back("records_refused", body.records_refused_count);
    if (body.offset) fields.emplace_back("offset", *body.offset);
    fields.emplace_back("excerpt", excerpt_of(body.text, body.offset));
    log::write(LogLevel::debug, "request_refused", fields, *suppressed_count);
}

}  // namespace sluice
