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

// Subject alternative names of any kind, also of those that nobody is known by (RFC 6125 section 6.4.4).
bool has_other_names(const X509* certificate) {
    return X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1) >= 0;
}

}  // namespace

ClientIdentity identity_of(const X509* certificate) {
    ClientIdentity identity{
        fingerprint_of(certificate), names_of(certificate, GEN_URI), names_of(certificate, GEN_DNS), {}};
    if (!has_other_names(certificate)) identity.common_name = common_name(certificate);
    return identity;
}

}  // namespace sluice::tls
