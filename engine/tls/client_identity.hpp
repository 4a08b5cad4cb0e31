// ClientIdentity: who a client is, by the certificate that it has shown and that was checked. Values; any thread.
#pragma once

#include <string>
#include <vector>

#include "engine/tls/openssl.hpp"

namespace sluice::tls {

// What an operator may know it by, in this order.
struct ClientIdentity {
    std::string fingerprint;  // SHA-256 of the certificate, 64 hexadecimal digits in lower case
    std::vector<std::string> uris;  // names that are URIs, such as spiffe://example.org/gateway
    std::vector<std::string> dns_names;
    std::string common_name;  // of the subject; empty where the certificate has alternative names, of whatever kind
};

[[nodiscard]] ClientIdentity identity_of(const X509* certificate);

}  // namespace sluice::tls
