// The value of an Idempotency-Key header, draft-ietf-httpapi-idempotency-key-header: a structured-field string
// (RFC 8941 section 3.3.3), `"8e03978e-40d5-43dd-bc93-6894a57f9324"`. What clients send without the quotes is taken as
// well, and means the same key: any visible ASCII but `"`, `\`, `,` and `;`.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace sluice::parsers {

// Writes the key, unescaped, to `to` and returns how much of `to` it is. Nothing: no such value, an empty key, one that
// is longer than `to`, or one with parameters (none are defined).
[[nodiscard]] std::optional<std::string_view> read_idempotency_key(std::string_view value, std::span<char> to);

}  // namespace sluice::parsers
