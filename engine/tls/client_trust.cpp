#include "engine/tls/client_trust.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/tls/certificate.hpp"
#include "engine/tls/files.hpp"

namespace sluice::tls {
namespace {

constexpr std::int64_t never_s = INT64_MAX;

}  // namespace

std::expected<ClientTrust, std::string> ClientTrust::read(const Settings& settings) {
    ClientTrust trust;
    if (settings.client == ClientCertificate::off) return trust;
    const auto authorities = read_file(settings.client_ca, "the file of tls.client_ca");
    if (!authorities) return std::unexpected(authorities.error());
    auto certificates = parse_certificates(*authorities);
    if (!certificates)
        return std::unexpected("the file of tls.client_ca " + settings.client_ca + " holds " + certificates.error());
    trust.authorities_ = std::move(*certificates);
    trust.text_ = *authorities;
    if (settings.crl.empty()) return trust;
    const auto lists = read_file(settings.crl, "the file of tls.crl");
    if (!lists) return std::unexpected(lists.error());
    auto revoked = parse_revocations(*lists);
    if (!revoked) return std::unexpected("the file of tls.crl " + settings.crl + " holds " + revoked.error());
    trust.lists_ = std::move(*revoked);
    trust.text_ += *lists;
    return trust;
}

// With a revocation list: the client's own certificate is looked for in the list of whoever signed it, and without such
// a list nobody is taken.
std::expected<void, std::string> ClientTrust::apply(SSL_CTX* ssl, ClientCertificate client) const {
    if (client == ClientCertificate::off) return {};
    X509_STORE* const store = SSL_CTX_get_cert_store(ssl);
    bool is_set = true;
    for (const CertificatePtr& authority : authorities_)
        is_set = is_set && X509_STORE_add_cert(store, authority.get()) == 1 &&
                 SSL_CTX_add_client_CA(ssl, authority.get()) == 1;
    for (const RevocationsPtr& list : lists_) is_set = is_set && X509_STORE_add_crl(store, list.get()) == 1;
    if (!is_set) return std::unexpected("tls.client_ca or tls.crl cannot be used: " + take_reason());
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | (lists_.empty() ? 0u : X509_V_FLAG_CRL_CHECK));
    const bool is_required = client == ClientCertificate::required;
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | (is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
    SSL_CTX_set_verify_depth(ssl, 8);
    return {};
}

// Of several lists of one issuer the last one counts.
std::int64_t ClientTrust::list_end_s(const X509_NAME* issuer) const {
    std::optional<std::int64_t> end_s;
    for (const RevocationsPtr& list : lists_) {
        if (X509_NAME_cmp(X509_CRL_get_issuer(list.get()), issuer) != 0) continue;
        const ASN1_TIME* const next = X509_CRL_get0_nextUpdate(list.get());
        end_s = std::max(end_s.value_or(INT64_MIN), next == nullptr ? never_s : unix_s(next));
    }
    return end_s.value_or(never_s);
}

// The last one is of tls.client_ca: it is not looked for in a list.
std::int64_t ClientTrust::end_s_of(const STACK_OF(X509) * chain) const {
    std::int64_t end_s = never_s;
    const int count = chain == nullptr ? 0 : sk_X509_num(chain);
    for (int i = 0; i < count; ++i) {
        const X509* const certificate = sk_X509_value(chain, i);
        end_s = std::min(end_s, unix_s(X509_get0_notAfter(certificate)));
        if (i + 1 < count) end_s = std::min(end_s, list_end_s(X509_get_issuer_name(certificate)));
    }
    return end_s;
}

}  // namespace sluice::tls
