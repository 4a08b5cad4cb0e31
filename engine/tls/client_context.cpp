#include "engine/tls/client_context.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "engine/tls/certificate.hpp"
#include "engine/tls/client_session.hpp"
#include "engine/tls/files.hpp"
#include "engine/tls/memory.hpp"

namespace sluice::tls {
namespace {

using Made = std::expected<void, std::string>;

// Any certificate of the file is trusted, be it a root or not.
Made trust(SSL_CTX* ssl, const std::string& ca) {
    if (ca.empty()) {
        if (SSL_CTX_set_default_verify_paths(ssl) == 1) return {};
        return std::unexpected("the certificates that this machine trusts cannot be read: " + take_reason());
    }
    const auto text = read_file(ca, "the CA file");
    if (!text) return std::unexpected(text.error());
    const auto certificates = parse_certificates(*text);
    if (!certificates) return std::unexpected("the CA file " + ca + " holds " + certificates.error());
    X509_STORE* const store = SSL_CTX_get_cert_store(ssl);
    for (const CertificatePtr& certificate : *certificates)
        if (X509_STORE_add_cert(store, certificate.get()) != 1)
            return std::unexpected("the CA file " + ca + " cannot be used: " + take_reason());
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    return {};
}

bool expect_server(SSL_CTX* ssl, const std::string& server_name, bool is_address) {
    X509_VERIFY_PARAM* const expected = SSL_CTX_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return is_address ? X509_VERIFY_PARAM_set1_ip_asc(expected, server_name.c_str()) == 1
                      : X509_VERIFY_PARAM_set1_host(expected, server_name.c_str(), server_name.size()) == 1;
}

Made verify(SSL_CTX* ssl, const ClientSettings& settings, bool is_address) {
    if (!settings.is_verified) {
        SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, nullptr);
        return {};
    }
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
    if (!expect_server(ssl, settings.server_name, is_address))
        return std::unexpected("the server's name cannot be verified: " + take_reason());
    return trust(ssl, settings.ca);
}

void set_versions(SSL_CTX* ssl, Versions versions) {
    SSL_CTX_set_min_proto_version(ssl, versions == Versions::only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(ssl, versions == Versions::only_1_2 ? TLS1_2_VERSION : 0);
}

// A server with another protocol ends the handshake; one without ALPN does not mind.
bool offer_protocol(SSL_CTX* ssl) {
    constexpr unsigned char protocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    return SSL_CTX_set_alpn_protos(ssl, protocols, sizeof protocols) == 0;  // 0 is success
}

int on_new_session(SSL* ssl, SSL_SESSION* session) {
    ClientSession::of(ssl).on_ticket(TicketPtr(session));
    return 1;  // it is ours
}

bool is_ip_address(const std::string& text) {
    ASN1_OCTET_STRING* const address = a2i_IPADDRESS(text.c_str());
    ASN1_OCTET_STRING_free(address);
    ERR_clear_error();
    return address != nullptr;
}

}  // namespace

std::expected<std::unique_ptr<const ClientContext>, std::string> ClientContext::load(const ClientSettings& settings) {
    keep_record_buffers();
    std::unique_ptr<ClientContext> context(new ClientContext());
    context->server_name_ = settings.server_name;
    context->is_address_ = is_ip_address(settings.server_name);
    context->context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX* const ssl = context->context_.get();
    if (ssl == nullptr || !offer_protocol(ssl)) return std::unexpected("TLS cannot be set up: " + take_reason());
    set_modes(ssl);
    set_versions(ssl, settings.versions);
    SSL_CTX_set_session_cache_mode(
        ssl, settings.keeps_tickets ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF);
    if (settings.keeps_tickets) SSL_CTX_sess_set_new_cb(ssl, on_new_session);
    if (auto verified = verify(ssl, settings, context->is_address_); !verified)
        return std::unexpected(verified.error());
    if (!settings.pair) return context;
    const auto pair = load_pair(*settings.pair);
    if (!pair) return std::unexpected(pair.error());
    if (auto used = use_pair(ssl, *pair); !used) return std::unexpected(used.error());
    return context;
}

// The macro SSL_set_tlsext_host_name() casts as C does.
SslPtr ClientContext::open() const {
    SslPtr ssl(SSL_new(context_.get()));
    if (ssl == nullptr || is_address_) return ssl;
    std::string name = server_name_;
    const bool is_set = SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1;
    return is_set ? std::move(ssl) : nullptr;
}

}  // namespace sluice::tls
