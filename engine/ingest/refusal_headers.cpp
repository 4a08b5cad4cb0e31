#include "engine/ingest/refusal_headers.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace sluice {
namespace {

template <std::size_t bytes_max>
class HeaderText {
  public:
    HeaderText& operator<<(std::string_view text) {
        bytes_ += text.copy(text_.data() + bytes_, text_.size() - bytes_);
        return *this;
    }
    HeaderText& operator<<(std::uint64_t number) {
        bytes_ = static_cast<std::size_t>(
            std::to_chars(text_.data() + bytes_, text_.data() + text_.size(), number).ptr - text_.data());
        return *this;
    }
    [[nodiscard]] std::string_view view() const { return {text_.data(), bytes_}; }

  private:
    std::array<char, bytes_max> text_;
    std::size_t bytes_ = 0;
};

std::string_view unit_of(tenants::QuotaKind kind) {
    switch (kind) {
        case tenants::QuotaKind::samples: return "sluice-samples";
        case tenants::QuotaKind::bytes: return "content-bytes";
        case tenants::QuotaKind::requests:
        case tenants::QuotaKind::connections: break;
    }
    return "requests";
}

template <typename Text>
void add_policy(Text& text, tenants::QuotaKind kind, std::uint64_t allowed_count) {
    text << "\"" << name_of(kind) << "\";q=" << allowed_count << ";w=1;qu=\"" << unit_of(kind) << "\"";
}

}  // namespace

void set_quota_lines(std::span<const tenants::QuotaLevel> levels, http::Response& response) {
    if (levels.empty()) return;
    HeaderText<http::Response::line_text_bytes_max> lines;  // three bounds, each number of 20 digits, have 380 bytes
    std::string_view before = "RateLimit-Policy: ";
    for (const tenants::QuotaLevel& level : levels) {
        lines << before;
        add_policy(lines, level.kind, level.allowed_count);
        before = ", ";
    }
    before = "\r\nRateLimit: ";
    for (const tenants::QuotaLevel& level : levels) {
        lines << before << "\"" << name_of(level.kind) << "\";r=" << level.left_count;
        if (level.retry_s != 0) lines << ";t=" << level.retry_s;
        before = ", ";
    }
    lines << "\r\n";
    response.set_lines(lines.view());
}

void add_quota_headers(const tenants::QuotaExcess& excess, http::Response& response) {
    HeaderText<80> policy, limit;  // the longest: `"samples";q=<20 digits>;w=1;qu="sluice-samples"`
    add_policy(policy, excess.kind, excess.allowed_count);
    limit << "\"" << name_of(excess.kind) << "\";r=0;t=" << excess.retry_s;
    response.add_copied_header("RateLimit-Policy", policy.view());
    response.add_copied_header("RateLimit", limit.view());
}

}  // namespace sluice
