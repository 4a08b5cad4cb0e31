#include "engine/http/response.hpp"

#include <cstdio>

#include "engine/core/check.hpp"

namespace sluice::http {
namespace {

constexpr int status_multi = 207;

std::string_view reason_of(int status) {
    switch (status) {
        case 200: return "OK";
        case 207: return "Multi-Status";
        case 400: return "Bad Request";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 408: return "Request Timeout";
        case 409: return "Conflict";
        case 413: return "Content Too Large";
        case 414: return "URI Too Long";
        case 415: return "Unsupported Media Type";
        case 417: return "Expectation Failed";
        case 422: return "Unprocessable Content";
        case 431: return "Request Header Fields Too Large";
        case 501: return "Not Implemented";
        case 503: return "Service Unavailable";
        case 505: return "HTTP Version Not Supported";
        default: return "Unknown";
    }
}

std::string_view name_of(ContentType type) {
    return type == ContentType::json ? "application/json" : "text/plain; version=0.0.4; charset=utf-8";
}

int length_of(std::string_view text) { return static_cast<int>(text.size()); }

template <std::size_t capacity, typename... Arguments>
std::string_view print(std::array<char, capacity>& buffer, const char* format, Arguments... arguments) {
    const int length = std::snprintf(buffer.data(), capacity, format, arguments...);
    CHECK(length >= 0 && static_cast<std::size_t>(length) < capacity);
    return {buffer.data(), static_cast<std::size_t>(length)};
}

template <std::size_t capacity>
std::string_view print_single_ok_body(std::array<char, capacity>& buffer, AckLevel level) {
    return print(buffer, "{\"ok\":true,\"message\":\"Telemetry received\",\"ack\":\"%s\"}", name_of(level).data());
}

}  // namespace

void ResponseRenderer::set_time(std::time_t unix_s) {
    if (unix_s == unix_s_) return;
    unix_s_ = unix_s;
    std::tm utc{};
    ::gmtime_r(&unix_s, &utc);
    std::array<char, 48> text{};
    // IMF-fixdate, RFC 9110 section 5.6.7. The process never leaves the C locale.
    const std::size_t length = std::strftime(text.data(), text.size(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    date_line_.assign(text.data(), length);
    for (const AckLevel level : {AckLevel::queued, AckLevel::journaled, AckLevel::stored, AckLevel::replicated}) {
        std::array<char, 128> buffer{};
        const std::string_view body = print_single_ok_body(buffer, level);
        std::string& response = single_ok_[static_cast<std::size_t>(level)];
        response = render_head({200, ContentType::json, body.size(), false, {}, false, false});
        response += body;
    }
}

std::string_view ResponseRenderer::render_head(const Head& head) {
    const std::string_view type = name_of(head.content_type);
    const std::string_view reason = reason_of(head.status);
    std::array<char, 32> retry{};
    if (head.has_retry_after)
        static_cast<void>(print(retry, "Retry-After: %llu\r\n", static_cast<unsigned long long>(retry_after_s_)));
    const char* connection = head.closes            ? "Connection: close\r\n"
                             : head.says_keep_alive ? "Connection: keep-alive\r\n"
                                                    : "";
    return print(scratch_, "HTTP/1.1 %d %.*s\r\n%sContent-Type: %.*s\r\nContent-Length: %zu\r\n%s%s%.*s%s%s%s\r\n",
                 head.status, length_of(reason), reason.data(), date_line_.c_str(), length_of(type), type.data(),
                 head.content_bytes, retry.data(), head.allow.empty() ? "" : "Allow: ", length_of(head.allow),
                 head.allow.data(), head.allow.empty() ? "" : "\r\n",
                 head.is_replayed ? "Idempotent-Replayed: true\r\n" : "", connection);
}

int ResponseRenderer::status_of(const Reply& reply) {
    switch (reply.kind) {
        case ReplyKind::telemetry:
            if (reply.rejected == 0) return 200;
            return reply.accepted != 0 ? status_multi : 400;
        case ReplyKind::refusal: return info_of(reply.refusal).status;
        case ReplyKind::text: return reply.status;
    }
    return 500;
}

ResponseRenderer::Head ResponseRenderer::head_of(const Pending& pending) const {
    const Reply& reply = pending.reply;
    const int status = status_of(reply);
    return {status,
            reply.kind == ReplyKind::text ? reply.content_type : ContentType::json,
            0,
            status == 503 || status == 409,  // 409: the first request with this key will be decided soon
            reply.kind == ReplyKind::refusal ? reply.allow : std::string_view{},
            pending.closes,
            pending.is_http_1_0,
            reply.kind == ReplyKind::telemetry && reply.is_replayed};
}

bool ResponseRenderer::emit(const Pending& pending, std::string_view body, Output& output, BlockPool& pool) {
    Head head = head_of(pending);
    head.content_bytes = body.size();
    return output.append(pool, render_head(head)) && (pending.is_head_request || output.append(pool, body));
}

bool ResponseRenderer::render(Pending& pending, Output& output, BlockPool& pool) {
    const Reply& reply = pending.reply;
    std::array<char, 512> body{};
    switch (reply.kind) {
        case ReplyKind::text: return render_text(pending, output, pool);
        case ReplyKind::refusal: {
            const RefusalInfo& info = info_of(reply.refusal);
            std::array<char, 96> detail{};
            if (reply.has_offset)
                static_cast<void>(print(detail, ",\"offset\":%llu", static_cast<unsigned long long>(reply.offset)));
            else if (reply.has_samples_stored)
                static_cast<void>(
                    print(detail, ",\"stored\":%u,\"failed\":%u", reply.samples_stored, reply.samples_failed));
            return emit(pending,
                        print(body, "{\"ok\":false,\"error\":\"%.*s\",\"code\":\"%.*s\"%s}", length_of(info.sentence),
                              info.sentence.data(), length_of(info.code), info.code.data(), detail.data()),
                        output, pool);
        }
        case ReplyKind::telemetry: break;
    }
    if (reply.rejected != 0) return render_record_errors(pending, output, pool);
    if (reply.is_single) {
        if (!pending.closes && !pending.is_http_1_0 && !reply.is_replayed)
            return output.append(pool, single_ok_[static_cast<std::size_t>(reply.ack)]);
        return emit(pending, print_single_ok_body(body, reply.ack), output, pool);
    }
    return emit(
        pending,
        print(body, "{\"ok\":true,\"message\":\"Telemetry received\",\"ack\":\"%s\",\"accepted\":%u,\"rejected\":0}",
              name_of(reply.ack).data(), reply.accepted),
        output, pool);
}

bool ResponseRenderer::render_text(Pending& pending, Output& output, BlockPool& pool) {
    Head head = head_of(pending);
    head.content_bytes = pending.reply.body.bytes;
    const bool fits = output.append(pool, render_head(head));
    if (!fits || pending.is_head_request) pending.reply.body.clear(pool);
    else output.splice(pool, pending.reply.body);
    return fits;
}

// The body is rendered first, into blocks of its own, because its length stands in front of it.
bool ResponseRenderer::render_record_errors(Pending& pending, Output& output, BlockPool& pool) {
    const Reply& reply = pending.reply;
    Output body;
    std::array<char, 512> text{};
    const RefusalInfo& all = info_of(Refusal::all_records_refused);
    bool fits =
        reply.accepted != 0
            ? body.append(pool, print(text, "{\"ok\":false,\"message\":\"Some records were refused.\",\"ack\":\"%s\"",
                                      name_of(reply.ack).data()))
            : body.append(pool, print(text, "{\"ok\":false,\"error\":\"%s\",\"code\":\"%s\"", all.sentence.data(),
                                      all.code.data()));
    fits = fits && body.append(pool, print(text, ",\"accepted\":%u,\"rejected\":%u,\"errors\":[", reply.accepted,
                                           reply.rejected));
    for (std::uint32_t i = 0; fits && i < reply.errors_count; ++i) {
        const RecordError& error = reply.errors[i];
        const RefusalInfo& info = info_of(error.refusal);
        fits = body.append(pool, print(text, "%s{\"index\":%u,\"code\":\"%s\",\"error\":\"%s\"}", i == 0 ? "" : ",",
                                       error.index, info.code.data(), info.sentence.data()));
    }
    fits = fits && body.append(pool, "]}");
    Head head = head_of(pending);
    head.content_bytes = body.bytes;
    fits = fits && output.append(pool, render_head(head));
    if (fits) output.splice(pool, body);
    else body.clear(pool);
    return fits;
}

}  // namespace sluice::http
