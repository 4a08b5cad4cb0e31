// Cross-origin requests of browsers (CORS; Fetch Standard, section 3.2): which origins' pages may read answers, and
// what the answers to them say. Exact origins, never `*`, and no credentials: cookies mean nothing here. Made at
// start-up; then any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/http/response.hpp"

namespace sluice::http {

static_assert(limits::origin_bytes_max <= limits::response_head_bytes_max / 8, "an origin fits a head");

class CorsOrigins {
  public:
    CorsOrigins() = default;
    // At most limits::cors_origins_count_max, none twice.
    explicit CorsOrigins(std::vector<std::string> origins) : origins_(std::move(origins)) {
        CHECK(origins_.size() <= limits::cors_origins_count_max);
        for (const std::string& origin : origins_)
            lines_.push_back("Access-Control-Allow-Origin: " + origin +
                             "\r\nAccess-Control-Expose-Headers: Retry-After, RateLimit, RateLimit-Policy, Sluice-Ack"
                             "\r\nVary: Origin\r\n");
    }

    [[nodiscard]] bool empty() const { return origins_.empty(); }
    // From 1; 0: no page of `origin` may. Of a header that is not there `origin` is empty.
    [[nodiscard]] CorsNumber number_of(std::string_view origin) const {
        for (std::size_t i = 0; i < origins_.size(); ++i)
            if (origins_[i] == origin) return static_cast<CorsNumber>(i + 1);
        return no_cors;
    }
    // The header lines of an answer to that origin; none for no_cors.
    [[nodiscard]] std::string_view lines_of(CorsNumber number) const {
        return number == no_cors ? std::string_view{} : std::string_view(lines_[number - 1u]);
    }

  private:
    std::vector<std::string> origins_;
    std::vector<std::string> lines_;
};

// What a browser asks before it sends a request that a form could not send. `response` is the answer to an OPTIONS
// request.
inline void add_preflight_headers(Response& response) {
    response.add_header("Access-Control-Allow-Methods", "POST");
    response.add_header("Access-Control-Allow-Headers",
                        "Content-Type, Content-Encoding, Authorization, Idempotency-Key, X-Api-Key");
    response.add_header("Access-Control-Max-Age", std::string_view("600"));
}

}  // namespace sluice::http
