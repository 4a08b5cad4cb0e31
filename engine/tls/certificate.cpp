#include "engine/tls/certificate.hpp"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <string_view>

#include "engine/core/lower_case.hpp"
#include "engine/tls/files.hpp"

namespace sluice::tls {
namespace {

using NamesPtr = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

BioPtr memory_of(const std::string& text) {
    return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// No question is asked at the terminal for the passphrase of a key: it cannot be read.
int no_passphrase(char*, int, int, void*) { return -1; }

CertificateInfo info_of(const X509* certificate, const std::string& file) {
    CertificateInfo info;
    info.file = file;
    for (const std::string& name : names_of(certificate, GEN_DNS)) info.names.push_back(lower_case(name));
    info.name = info.names.empty() ? common_name(certificate) : info.names.front();
    if (info.name.empty()) info.name = file;
    info.not_before_s = unix_s(X509_get0_notBefore(certificate));
    info.not_after_s = unix_s(X509_get0_notAfter(certificate));
    const EVP_PKEY* const key = X509_get0_pubkey(certificate);
    if (key == nullptr) return info;
    info.key_bits = static_cast<std::uint32_t>(EVP_PKEY_get_bits(key));
    info.is_rsa = EVP_PKEY_is_a(key, "RSA") == 1;
    return info;
}

template <typename Owned, typename ReadOne>
std::expected<std::vector<Owned>, std::string> parse_all(const std::string& pem, ReadOne read_one,
                                                         const std::string& what) {
    const BioPtr memory = memory_of(pem);
    std::vector<Owned> found;
    ERR_clear_error();
    while (true) {  // ends: each turn reads a part of the text
        Owned one(read_one(memory.get(), nullptr, no_passphrase, nullptr));
        if (one == nullptr) break;
        found.push_back(std::move(one));
    }
    const bool is_at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const std::string reason = take_reason();
    if (!is_at_end) return std::unexpected("a " + what + " that cannot be read: " + reason);
    if (found.empty()) return std::unexpected("no " + what + " in PEM");
    return found;
}

std::expected<KeyPtr, std::string> load_key(const std::string& path) {
    const auto text = read_key_file(path);
    if (!text) return std::unexpected(text.error());
    KeyPtr key(PEM_read_bio_PrivateKey(memory_of(*text).get(), nullptr, no_passphrase, nullptr));
    if (key != nullptr) return key;
    return std::unexpected("the key file " + path +
                           " holds no private key in PEM without a passphrase: " + take_reason());
}

}  // namespace

std::expected<std::vector<CertificatePtr>, std::string> parse_certificates(const std::string& pem) {
    return parse_all<CertificatePtr>(pem, PEM_read_bio_X509, "certificate");
}

std::expected<std::vector<RevocationsPtr>, std::string> parse_revocations(const std::string& pem) {
    return parse_all<RevocationsPtr>(pem, PEM_read_bio_X509_CRL, "revocation list");
}

std::int64_t unix_s(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
    return ::timegm(&parts);
}

std::vector<std::string> names_of(const X509* certificate, int kind) {
    std::vector<std::string> found;
    const NamesPtr names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type != kind) continue;
        const ASN1_IA5STRING* const text = name->d.ia5;  // of both kinds
        found.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                           static_cast<std::size_t>(ASN1_STRING_length(text)));
    }
    return found;
}

std::string common_name(const X509* certificate) {
    char text[256] = {};
    const int bytes = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text, sizeof text);
    return bytes > 0 ? std::string(text, static_cast<std::size_t>(bytes)) : std::string();
}

std::expected<Pair, std::string> load_pair(const PairFiles& files) {
    const auto text = read_file(files.certificate, "the certificate file");
    if (!text) return std::unexpected(text.error());
    auto chain = parse_certificates(*text);
    if (!chain) return std::unexpected("the certificate file " + files.certificate + " holds " + chain.error());
    auto key = load_key(files.key);
    if (!key) return std::unexpected(key.error());
    X509* const leaf = chain->front().get();
    if (X509_check_private_key(leaf, key->get()) != 1) {
        ERR_clear_error();
        return std::unexpected("the key of " + files.key + " is not that of the first certificate in " +
                               files.certificate);
    }
    return Pair{std::move(*chain), std::move(*key), info_of(leaf, files.certificate)};
}

std::expected<void, std::string> use_pair(SSL_CTX* ssl, const Pair& pair) {
    X509* const leaf = pair.chain.front().get();
    if (SSL_CTX_use_certificate(ssl, leaf) != 1 || SSL_CTX_use_PrivateKey(ssl, pair.key.get()) != 1)
        return std::unexpected("the certificate of " + pair.info.file + " cannot be used: " + take_reason());
    for (std::size_t i = 1; i < pair.chain.size(); ++i)
        if (SSL_CTX_add1_chain_cert(ssl, pair.chain[i].get()) != 1)
            return std::unexpected("a certificate behind the first in " + pair.info.file +
                                   " cannot be used: " + take_reason());
    return {};
}

}  // namespace sluice::tls
