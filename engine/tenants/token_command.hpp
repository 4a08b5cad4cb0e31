// `sluice token new`: what it prints. Start-up; values.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::tenants {

struct NewTokenOrder {
    std::string tenant;
    std::string expires;  // as typed: 90d, 12h; empty: never
    std::vector<std::string> scopes;  // as typed; empty: write
};

// The token alone in the first line, the line for the tenants' file in the second. An error is one sentence.
[[nodiscard]] std::expected<std::string, std::string> new_token_text(const NewTokenOrder& order, std::int64_t unix_s);

}  // namespace sluice::tenants
