// ClientTrust: which certificates of clients a context takes: who may have signed them (tls.client_ca), and which are
// revoked (tls.crl). Made at start and at a reload; then it does not change, so any number of threads use it at once.
//
// A chain ends at a certificate of tls.client_ca, be it a root or not.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "engine/tls/openssl.hpp"
#include "engine/tls/settings.hpp"

namespace sluice::tls {

class ClientTrust {
  public:
    // Nobody: clients are asked for none.
    ClientTrust() = default;
    // Reads the files. An error is a sentence that names the file or the key.
    [[nodiscard]] static std::expected<ClientTrust, std::string> read(const Settings& settings);

    // Connections of `ssl` take what this takes.
    [[nodiscard]] std::expected<void, std::string> apply(SSL_CTX* ssl, ClientCertificate client) const;
    // Until when a chain that was verified may be taken without a look at it (since 1970): none of its certificates
    // ends, and no revocation list that it was looked for in. `chain` may be null: nobody has shown a certificate.
    [[nodiscard]] std::int64_t end_s_of(const STACK_OF(X509) * chain) const;
    // The files hold the same.
    [[nodiscard]] bool is_equal(const ClientTrust& other) const { return text_ == other.text_; }

  private:
    [[nodiscard]] std::int64_t list_end_s(const X509_NAME* issuer) const;

    std::vector<CertificatePtr> authorities_;
    std::vector<RevocationsPtr> lists_;
    std::string text_;  // what the files held
};

}  // namespace sluice::tls
