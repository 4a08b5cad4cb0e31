#include "sinks/redis/tls/peer_certificate.hpp"

#include <openssl/asn1.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>

#include "engine/tls/certificate.hpp"
#include "sinks/redis/resp/error_class.hpp"

namespace sluice::sinks::redis {
namespace {

using NamesPtr = std::unique_ptr<GENERAL_NAMES, tls::Freed<GENERAL_NAMES_free>>;

constexpr int names_shown_max = 4;

// Null if the server showed none.
const X509* leaf_of(const SSL& ssl) {
    const auto* const chain = SSL_get0_verified_chain(&ssl);
    return chain == nullptr || sk_X509_num(chain) == 0 ? nullptr : sk_X509_value(chain, 0);
}

std::string time_text(const ASN1_TIME* time) {
    std::tm parts{};
    char text[40] = "a day that cannot be read";
    if (ASN1_TIME_to_tm(time, &parts) == 1) std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
    return text;
}

// What `print` writes.
template <typename Print>
std::string printed(Print print) {
    const tls::BioPtr memory(BIO_new(BIO_s_mem()));
    if (memory == nullptr) return {};
    print(memory.get());
    char* bytes = nullptr;
    const long count = BIO_get_mem_data(memory.get(), &bytes);
    return count <= 0 ? std::string() : printable({bytes, static_cast<std::size_t>(count)});
}

std::string text_of(const X509_NAME* name) {
    std::string text = printed([&](BIO* to) { X509_NAME_print_ex(to, name, 0, XN_FLAG_RFC2253); });
    return text.empty() ? "somebody without a name" : text;
}

// Of the chain, the one that ends first: if any has expired, it has.
const X509* first_to_end(const SSL& ssl) {
    const auto* const chain = SSL_get0_verified_chain(&ssl);
    const X509* first = leaf_of(ssl);
    for (int i = 1; first != nullptr && i < sk_X509_num(chain); ++i) {
        const X509* const one = sk_X509_value(chain, i);
        if (ASN1_TIME_compare(X509_get0_notAfter(one), X509_get0_notAfter(first)) < 0) first = one;
    }
    return first;
}

}  // namespace

std::string expired_clause(const SSL& ssl) {
    const X509* const expired = first_to_end(ssl);
    if (expired == nullptr) return "its certificate has expired";
    const std::string whose =
        expired == leaf_of(ssl)
            ? "its certificate"
            : "the certificate of " + text_of(X509_get_subject_name(expired)) + ", which signs its own,";
    return whose + " expired on " + time_text(X509_get0_notAfter(expired)) + "; it needs a new one";
}

std::string not_yet_valid_clause(const SSL& ssl) {
    const X509* const leaf = leaf_of(ssl);
    const std::string begin = leaf == nullptr ? "a later day" : time_text(X509_get0_notBefore(leaf));
    return "its certificate is valid from " + begin + " on; look at the clock of this machine";
}

std::string names_clause(const SSL& ssl) {
    const X509* const leaf = leaf_of(ssl);
    if (leaf == nullptr) return "no name";
    const NamesPtr names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
    const int count = names == nullptr ? 0 : sk_GENERAL_NAME_num(names.get());
    std::string text;
    for (int i = 0; i < count && i < names_shown_max; ++i) {
        GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
        text += (i == 0 ? "" : ", ") + printed([&](BIO* to) { GENERAL_NAME_print(to, name); });
    }
    if (count > names_shown_max) text += " and others";
    if (!text.empty()) return text;
    const std::string common = tls::common_name(leaf);
    return common.empty() ? "no name" : "CN=" + printable(common);
}

std::string issuer_clause(const SSL& ssl) {
    const X509* const leaf = leaf_of(ssl);
    if (leaf == nullptr) return "somebody unknown";
    const X509_NAME* const issuer = X509_get_issuer_name(leaf);
    return X509_NAME_cmp(issuer, X509_get_subject_name(leaf)) == 0 ? "itself" : text_of(issuer);
}

}  // namespace sluice::sinks::redis
