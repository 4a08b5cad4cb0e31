// Tokens: `slc_<id>_<secret>`. The id is public, and logs name it. The secret is 32 random bytes as base64url (RFC 4648
// section 5), without padding. Values.
//
// A file holds `sha256:` and the digest of the whole token. A plain digest is enough: 256 random bits cannot be
// guessed, so there is nothing that a slow hash would protect.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "engine/tenants/sha256.hpp"

namespace sluice::tenants {

inline constexpr std::string_view token_begin = "slc_";
inline constexpr std::size_t token_id_bytes = 8;
inline constexpr std::size_t token_secret_bytes = 43;  // 32 bytes in base64url
inline constexpr std::size_t token_bytes = token_begin.size() + token_id_bytes + 1 + token_secret_bytes;

// The id of a text that has the form of a token; empty: it has not.
[[nodiscard]] std::string_view token_id(std::string_view text);
// [a-z0-9]{8}.
[[nodiscard]] bool is_token_id(std::string_view text);

// `sha256:<64 hexadecimal digits>`.
[[nodiscard]] std::string hash_text(const Digest& digest);
[[nodiscard]] std::optional<Digest> parse_hash(std::string_view text);

struct NewToken {
    std::string token;
    std::string id;
    std::string hash;
};
// An error: the kernel gives no random bytes.
[[nodiscard]] std::expected<NewToken, std::string> make_token();

}  // namespace sluice::tenants
