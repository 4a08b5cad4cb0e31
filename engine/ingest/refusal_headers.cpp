#include "engine/ingest/refusal_headers.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace sluice {
namespace {

// The longest: `"requests";q=<13 digits>;w=1;qu="sluice-samples"`.
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
    std::array<char, 80> text_;
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

}  // namespace

void add_quota_headers(const tenants::QuotaExcess& excess, http::Response& response) {
    HeaderText policy, limit;
    policy << "\"" << name_of(excess.kind) << "\";q=" << excess.allowed_count << ";w=1;qu=\"" << unit_of(excess.kind)
           << "\"";
    limit << "\"" << name_of(excess.kind) << "\";r=0;t=" << excess.retry_s;
    response.add_copied_header("RateLimit-Policy", policy.view());
    response.add_copied_header("RateLimit", limit.view());
}

}  // namespace sluice
