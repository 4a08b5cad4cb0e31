#include "tests/support/tls_files.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "engine/core/check.hpp"
#include "engine/tls/openssl.hpp"

namespace sluice::tests {
namespace {

tls::KeyPtr make_key() {
    tls::KeyPtr key(EVP_EC_gen("P-256"));
    CHECK(key != nullptr);
    return key;
}

tls::CertificatePtr make_certificate(EVP_PKEY* key, const std::string& dns_name) {
    tls::CertificatePtr certificate(X509_new());
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key);
    X509_NAME* const name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(dns_name.c_str()), -1,
                               -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    X509_EXTENSION* const names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + dns_name).c_str());
    X509_add_ext(certificate.get(), names, -1);
    X509_EXTENSION_free(names);
    CHECK(X509_sign(certificate.get(), key, EVP_sha256()) != 0);
    return certificate;
}

template <typename Write>
void write_file(const std::filesystem::path& path, Write write) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "w"), std::fclose);
    CHECK(file != nullptr && write(file.get()) == 1);
}

}  // namespace

TlsFiles::TlsFiles(const std::string& dns_name) {
    std::string pattern = std::filesystem::temp_directory_path() / "sluice-tls-XXXXXX";
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    const tls::KeyPtr key = make_key();
    const tls::CertificatePtr certificate = make_certificate(key.get(), dns_name);
    write_file(directory_ / "pem", [&](std::FILE* file) { return PEM_write_X509(file, certificate.get()); });
    write_file(directory_ / "key", [&](std::FILE* file) {
        return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    CHECK(::chmod((directory_ / "key").c_str(), 0600) == 0);
}

TlsFiles::~TlsFiles() { std::filesystem::remove_all(directory_); }

tls::Settings TlsFiles::settings() const {
    tls::Settings settings;
    settings.pair = {directory_ / "pem", directory_ / "key"};
    settings.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
    settings.groups = "X25519MLKEM768,X25519";
    settings.ticket_lifetime_s = 3600;
    return settings;
}

}  // namespace sluice::tests
