#include "engine/http/response.hpp"

#include <charconv>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/http/status.hpp"

namespace sluice::http {

void Response::start(std::uint16_t status, std::string_view content_type) {
    CHECK(!reason_of(status).empty());
    status_ = status;
    content_type_ = content_type;
    refusal_code_ = -1;
    is_prepared_ = is_cut_ = ends_connection_ = false;
    headers_count_ = 0;
    header_text_bytes_ = inline_body_bytes_ = 0;
    body_ = Output{};
}

void Response::use_prepared(PreparedIndex index) {
    is_prepared_ = true;
    is_cut_ = ends_connection_ = false;
    prepared_ = index;
    refusal_code_ = -1;
    headers_count_ = 0;
    body_ = Output{};
}

void Response::add_header(std::string_view name, std::string_view value) {
    CHECK(!is_prepared_ && headers_count_ < headers_count_max);
    headers_[headers_count_++] = {name, value};
}

void Response::add_copied_header(std::string_view name, std::string_view value) {
    CHECK(value.size() <= header_text_bytes_max - header_text_bytes_);
    char* const to = header_text_.data() + header_text_bytes_;
    value.copy(to, value.size());
    header_text_bytes_ = static_cast<std::uint16_t>(header_text_bytes_ + value.size());
    add_header(name, {to, value.size()});
}

void Response::add_header(std::string_view name, std::uint64_t value) {
    std::array<char, 20> digits;
    const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    add_copied_header(name, {digits.data(), static_cast<std::size_t>(end - digits.data())});
}

void Response::set_lines(std::string_view lines) {
    CHECK(lines.size() <= line_text_bytes_max);
    lines.copy(line_text_.data(), lines.size());
    line_text_bytes_ = static_cast<std::uint16_t>(lines.size());
}

void Response::append_body(BlockPool& pool, std::string_view text) {
    CHECK(!is_prepared_);
    if (body_.empty() && text.size() <= inline_body_bytes_max - inline_body_bytes_) {
        text.copy(inline_body_.data() + inline_body_bytes_, text.size());
        inline_body_bytes_ = static_cast<std::uint16_t>(inline_body_bytes_ + text.size());
        return;
    }
    const std::string_view before(inline_body_.data(), std::exchange(inline_body_bytes_, std::uint16_t{0}));
    is_cut_ = is_cut_ || !body_.append(pool, before) || !body_.append(pool, text);
}

bool Response::move_body_to(Output& output, BlockPool& pool) {
    if (is_cut_) {
        body_.clear(pool);
        return false;
    }
    if (body_.empty()) return output.append(pool, {inline_body_.data(), inline_body_bytes_});
    output.splice(pool, body_);
    return true;
}

}  // namespace sluice::http
