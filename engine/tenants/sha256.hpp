// SHA-256, by OpenSSL. One owner thread for each object; it allocates when it is made.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

struct evp_md_st;
struct evp_md_ctx_st;

namespace sluice::tenants {

using Digest = std::array<std::uint8_t, 32>;

class Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;

    [[nodiscard]] Digest operator()(std::string_view text);

  private:
    evp_md_st* const algorithm_;  // fetched once: OpenSSL 3 looks it up behind a lock
    evp_md_ctx_st* const context_;
};

// In a time that does not depend on where they differ.
[[nodiscard]] bool is_equal(const Digest& a, const Digest& b);
// The same; lengths are no secret.
[[nodiscard]] bool is_equal_text(std::string_view a, std::string_view b);

}  // namespace sluice::tenants
