#include "engine/tls/client_identity.hpp"

#include <openssl/x509v3.h>

#include "engine/tls/certificate.hpp"

namespace sluice::tls {
namespace {

std::string fingerprint_of(const X509* certificate) {
    constexpr char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int bytes = 0;
    std::string text;
    if (X509_digest(certificate, EVP_sha256(), digest, &bytes) != 1) return text;
    for (unsigned int i = 0; i < bytes; ++i) {
        text += digits[digest[i] >> 4];
        text += digits[digest[i] & 15];
    }
    return text;
}

}  // namespace

ClientIdentity identity_of(const X509* certificate) {
    ClientIdentity identity{
        fingerprint_of(certificate), names_of(certificate, GEN_URI), names_of(certificate, GEN_DNS), {}};
    if (identity.uris.empty() && identity.dns_names.empty()) identity.common_name = common_name(certificate);
    return identity;
}

}  // namespace sluice::tls
