#include "engine/http/renderer.hpp"

#include <charconv>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/http/status.hpp"

namespace sluice::http {
namespace {

std::string_view connection_of(const Pending& pending) {
    if (pending.closes) return "close";
    return pending.is_http_1_0 ? "keep-alive" : "";  // HTTP/1.0 needs to be told
}

}  // namespace

ResponseRenderer::ResponseRenderer(std::vector<PreparedResponse> prepared, CorsOrigins cors)
    : cors_(std::move(cors)), prepared_(std::move(prepared)), rendered_(prepared_.size()) {
    for (const PreparedResponse& response : prepared_)
        CHECK(!reason_of(response.status).empty() && response.headers.size() <= Response::headers_count_max);
}

void ResponseRenderer::set_time(std::time_t unix_s) {
    if (unix_s == unix_s_) return;
    unix_s_ = unix_s;
    std::tm utc{};
    ::gmtime_r(&unix_s, &utc);
    std::array<char, 48> text{};
    // IMF-fixdate, RFC 9110 section 5.6.7. The process never leaves the C locale.
    const std::size_t length = std::strftime(text.data(), text.size(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    date_line_.assign(text.data(), length);
    for (std::size_t i = 0; i < prepared_.size(); ++i) {
        const PreparedResponse& response = prepared_[i];
        rendered_[i] =
            render_head({response.status, response.content_type, response.body.size(), response.headers, {}, {}, {}});
        rendered_[i] += response.body;
    }
}

void ResponseRenderer::add(std::string_view text) {
    CHECK(text.size() <= scratch_.size() - scratch_bytes_);  // all of it is ours: limits.hpp says how much that can be
    text.copy(scratch_.data() + scratch_bytes_, text.size());
    scratch_bytes_ += text.size();
}

void ResponseRenderer::add_line(std::string_view name, std::string_view value) {
    add(name);
    add(": ");
    add(value);
    add("\r\n");
}

std::string_view ResponseRenderer::render_head(const Head& head) {
    std::array<char, 20> digits;
    const auto text_of = [&digits](std::uint64_t number) {
        const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
        return std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data()));
    };
    scratch_bytes_ = 0;
    add("HTTP/1.1 ");
    add(text_of(head.status));
    add(" ");
    add(reason_of(head.status));
    add("\r\n");
    add(date_line_);
    if (!head.content_type.empty()) add_line("Content-Type", head.content_type);
    if (has_body(head.status)) add_line("Content-Length", text_of(head.content_bytes));
    for (const Header& header : head.headers) add_line(header.name, header.value);
    add(head.cors_lines);
    add(head.more_lines);
    if (!head.connection.empty()) add_line("Connection", head.connection);
    add("\r\n");
    return {scratch_.data(), scratch_bytes_};
}

bool ResponseRenderer::render(Pending& pending, Output& output, BlockPool& pool) {
    Response& response = pending.response;
    if (response.is_prepared()) return render_prepared(pending, output, pool);
    const std::string_view head =
        render_head({response.status(), response.content_type(), response.body_bytes(), response.headers(),
                     connection_of(pending), cors_.lines_of(response.cors()), response.lines()});
    const bool fits = output.append(pool, head);
    if (fits && !pending.is_head_request && has_body(response.status())) return response.move_body_to(output, pool);
    response.clear(pool);
    return fits;
}

bool ResponseRenderer::render_prepared(const Pending& pending, Output& output, BlockPool& pool) {
    const PreparedIndex index = pending.response.prepared();
    CHECK(index < prepared_.size());
    const std::string_view connection = connection_of(pending);
    if (connection.empty() && !pending.is_head_request && !pending.response.has_more())
        return output.append(pool, rendered_[index]);
    const PreparedResponse& response = prepared_[index];
    const std::string_view head =
        render_head({response.status, response.content_type, response.body.size(), response.headers, connection,
                     cors_.lines_of(pending.response.cors()), pending.response.lines()});
    return output.append(pool, head) && (pending.is_head_request || output.append(pool, response.body));
}

}  // namespace sluice::http
