// What the certificate of a server says, as clauses of a sentence: printable, whatever the server sent. The
// verification of `ssl` must have failed: the certificates are those that it looked at.
#pragma once

#include <string>

#include "engine/tls/openssl.hpp"

namespace sluice::sinks::redis {

// "its certificate expired on 2026-11-30 08:00:00 UTC; it needs a new one"; or that of one that signs it.
[[nodiscard]] std::string expired_clause(const SSL& ssl);
// "its certificate is valid from … on; is the clock of this machine right?"
[[nodiscard]] std::string not_yet_valid_clause(const SSL& ssl);
// The first names and addresses that it is for; "no name" where it has none.
[[nodiscard]] std::string names_clause(const SSL& ssl);
// Who signed it: "CN=Redis CA, O=Example", or "itself".
[[nodiscard]] std::string issuer_clause(const SSL& ssl);

}  // namespace sluice::sinks::redis
