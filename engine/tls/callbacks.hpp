// What OpenSSL asks in a handshake: which protocol, which certificate, which ticket. The thread of the connection.
#pragma once

#include <cstdint>

#include "engine/tls/openssl.hpp"

namespace sluice::tls {

// ALPN: `http/1.1`.
void set_protocol(SSL_CTX* ssl);
// By the server's name (SNI).
void set_server_names(SSL_CTX* ssl);
// Sealed with the keys of the session's context. `lifetime_s` 0: none.
void set_tickets(SSL_CTX* ssl, std::uint64_t lifetime_s);
// Session::on_info().
void set_info(SSL_CTX* ssl);

}  // namespace sluice::tls
