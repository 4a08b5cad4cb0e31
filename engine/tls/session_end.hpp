// Until when a session may be resumed. A full handshake writes it into the session, so each ticket carries it; tickets
// of a resumed session carry what the first one did. So a chain of renewed tickets ends, too (RFC 8446 section 4.6.1).
//
// It is tls.ticket_lifetime after the full handshake, and no later than what the client has shown: its certificate,
// those that vouch for it, and the revocation lists that they were looked for in. After that a full handshake decides.
// Callbacks of OpenSSL; the thread of the session's server.
#pragma once

#include "engine/tls/openssl.hpp"

namespace sluice::tls {

void set_session_end(SSL_CTX* ssl);

}  // namespace sluice::tls
