// Credentials: the token that a request brings, and where. Pure functions; a reactor's thread, or the admin thread.
//
//   Authorization: Bearer <token>    Authorization: Token <token>, or Token <user>:<token>   (InfluxDB 2, and 1.x's
//   clients) Authorization: Basic base64(<user>:<token>)    X-Api-Key: <token>    ?u=<user>&p=<token>   (InfluxDB 1.x)
//
// User names mean nothing.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "engine/core/limits.hpp"
#include "engine/http/application.hpp"
#include "engine/tenants/authenticator.hpp"

namespace sluice {

struct Credential {
    using Source = tenants::Authenticator::Source;

    Source source = Source::none;  // none: there is no credential
    std::string_view text{};       // as it came: the header's value, or the value of `p`; in the request
};

// `takes_query`: InfluxDB's precedence (u and p, both not empty, come first). An Authorization that is given twice is
// none. One of another scheme is for somebody else, a proxy perhaps, where there is an X-Api-Key.
[[nodiscard]] Credential find_credential(const http::Request& request, bool takes_query);

using TokenBuffer = std::array<char, limits::credential_header_bytes_max>;
// The token in it, in the request or in `buffer`; empty: it is no token that could be known.
[[nodiscard]] std::string_view token_of(const Credential& credential, TokenBuffer& buffer);

}  // namespace sluice
