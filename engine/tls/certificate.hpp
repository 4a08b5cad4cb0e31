// A certificate with its key, read from files, and what operators want to know of it. Values; start and
// reload.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "engine/tls/openssl.hpp"
#include "engine/tls/settings.hpp"

namespace sluice::tls {

struct CertificateInfo {
    std::string file;
    std::string name;  // the first DNS name, else the subject's common name, else the file
    std::vector<std::string> names;  // DNS names, in lower case; may begin with `*.`
    std::int64_t not_before_s = 0;  // since 1970
    std::int64_t not_after_s = 0;
    std::uint32_t key_bits = 0;
    bool is_rsa = false;
};

struct Pair {
    std::vector<CertificatePtr> chain;  // the leaf first; never empty
    KeyPtr key;
    CertificateInfo info;
};

// An error is a sentence that names the file: it is missing, holds no certificate or key, or they do not belong
// together.
[[nodiscard]] std::expected<Pair, std::string> load_pair(const PairFiles& files);
// Connections of `ssl` show it. An error is a sentence that names the file.
[[nodiscard]] std::expected<void, std::string> use_pair(SSL_CTX* ssl, const Pair& pair);

// All certificates of a text in PEM, one at least. An error is what the text holds instead.
[[nodiscard]] std::expected<std::vector<CertificatePtr>, std::string> parse_certificates(const std::string& pem);

// All revocation lists of a text in PEM.
[[nodiscard]] std::expected<std::vector<RevocationsPtr>, std::string> parse_revocations(const std::string& pem);

// Since 1970; 0: it is no time.
[[nodiscard]] std::int64_t unix_s(const ASN1_TIME* time);

// DNS names or URIs (GEN_DNS, GEN_URI) that a certificate is for, as they stand there.
[[nodiscard]] std::vector<std::string> names_of(const X509* certificate, int kind);
// The subject's common name; empty if there is none.
[[nodiscard]] std::string common_name(const X509* certificate);

}  // namespace sluice::tls
