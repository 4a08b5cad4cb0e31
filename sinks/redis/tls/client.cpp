#include "sinks/redis/tls/client.hpp"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>

#include <cstring>
#include <utility>

#include "engine/tls/certificate.hpp"
#include "engine/tls/files.hpp"
#include "sinks/redis/resp/error_class.hpp"
#include "sinks/redis/tls/peer_certificate.hpp"

namespace sluice::sinks::redis {
namespace {

using Made = std::expected<void, std::string>;

// Any certificate of the file is trusted, be it a root or not.
Made trust(SSL_CTX* context, const std::string& ca) {
    if (ca.empty()) {
        SSL_CTX_set_default_verify_paths(context);  // of the system; read when a certificate is looked for
        return {};
    }
    const auto text = tls::read_file(ca, "the file of sink.redis.tls_ca");
    if (!text) return std::unexpected(text.error());
    const auto certificates = tls::parse_certificates(*text);
    if (!certificates)
        return std::unexpected("the file of sink.redis.tls_ca " + printable(ca) + " holds " + certificates.error());
    X509_STORE* const store = SSL_CTX_get_cert_store(context);
    for (const tls::CertificatePtr& certificate : *certificates)
        if (X509_STORE_add_cert(store, certificate.get()) != 1)
            return std::unexpected("the file of sink.redis.tls_ca cannot be used: " + tls::take_reason());
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    return {};
}

Made show(SSL_CTX* context, const RedisTlsSettings& settings) {
    if (settings.certificate.empty()) return {};
    const auto pair = tls::load_pair({settings.certificate, settings.key});
    if (!pair) return std::unexpected(pair.error());
    return tls::use_pair(context, *pair);
}

void set_modes(SSL_CTX* context, bool is_verified) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_verify(context, is_verified ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
}

// A name in full may end with a dot, which no certificate has; a numeric address of IPv6 with its interface.
std::string bare(std::string name) {
    if (const std::size_t percent = name.find('%'); percent != std::string::npos) name.resize(percent);
    if (name.ends_with('.')) name.pop_back();
    return name;
}

// What SSL_set_tlsext_host_name() does, which is a macro with a cast of C.
bool set_server_name(SSL* ssl, std::string& name) {
    return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1;
}

}  // namespace

TlsClient::TlsClient(const RedisTlsSettings& settings, tls::SslContextPtr context)
    : settings_(settings), context_(std::move(context)) {}

std::expected<TlsClient, std::string> TlsClient::load(const RedisTlsSettings& settings) {
    tls::SslContextPtr context(SSL_CTX_new(TLS_client_method()));
    if (context == nullptr) return std::unexpected("TLS cannot be set up: " + tls::take_reason());
    set_modes(context.get(), settings.is_verified);
    auto made = settings.is_verified ? trust(context.get(), settings.ca) : Made();
    if (made) made = show(context.get(), settings);
    ERR_clear_error();  // none is left for the connection
    if (!made) return std::unexpected(std::move(made).error());
    return TlsClient(settings, std::move(context));
}

// The server's name goes into the handshake where it is one: an address does not (RFC 6066, section 3).
tls::SslPtr TlsClient::open(const std::string& host) const {
    tls::SslPtr ssl(SSL_new(context_.get()));
    if (ssl == nullptr) return ssl;
    std::string name = bare(name_for(host));
    X509_VERIFY_PARAM* const expected = SSL_get0_param(ssl.get());
    if (X509_VERIFY_PARAM_set1_ip_asc(expected, name.c_str()) != 1) {
        ERR_clear_error();
        X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        const bool is_set =
            X509_VERIFY_PARAM_set1_host(expected, name.data(), name.size()) == 1 && set_server_name(ssl.get(), name);
        if (!is_set) ssl.reset();  // never without the check
    }
    return ssl;
}

std::string TlsClient::why_refused(const SSL& ssl, const std::string& host, int error_number) const {
    const unsigned long error = ERR_peek_last_error();
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        ERR_clear_error();
        return why_untrusted(ssl, host);
    }
    const bool is_over = (SSL_get_shutdown(&ssl) & SSL_RECEIVED_SHUTDOWN) != 0;  // errno is of something else then
    return why_ended(is_over ? 0 : error_number, false);
}

std::string TlsClient::why_ended(int error_number, bool has_answered) const {
    std::string clause = take_clause();
    if (!clause.empty()) return clause;
    clause = error_number == 0 ? "it closed the connection" : std::strerror(error_number);
    return clause + (has_answered ? std::string() : guess());
}

std::string TlsClient::take_clause() const {
    const unsigned long error = ERR_peek_last_error();
    return error == 0 ? std::string() : clause_of(error, printable(tls::take_reason()));
}

std::string TlsClient::guess() const {
    if (!settings_.certificate.empty()) return {};
    return "; it may want a client's certificate (sink.redis.tls_certificate)";
}

std::string TlsClient::clause_of(unsigned long error, const std::string& reason) const {
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) return reason;
    switch (ERR_GET_REASON(error)) {
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
            return "it wants a client's certificate: set sink.redis.tls_certificate and sink.redis.tls_key";
        case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:  // with TLS 1.2 also where a certificate is wanted
            return "it refuses the handshake" + guess();
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
            if (settings_.certificate.empty()) return reason;
            return "it does not take the certificate of " + printable(settings_.certificate) + ": " + reason;
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
        case SSL_R_BAD_PROTOCOL_VERSION_NUMBER: return "it does not answer in TLS" + std::string(no_tls_guess);
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        case SSL_R_UNSUPPORTED_PROTOCOL: return "it speaks none of TLS 1.2 and 1.3";
        default: return reason;
    }
}

std::string TlsClient::why_untrusted(const SSL& ssl, const std::string& host) const {
    const long result = SSL_get_verify_result(&ssl);
    switch (result) {
        case X509_V_ERR_CERT_HAS_EXPIRED: return expired_clause(ssl);
        case X509_V_ERR_CERT_NOT_YET_VALID: return not_yet_valid_clause(ssl);
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "its certificate is for " + names_clause(ssl) + ", and not for " + printable(name_for(host)) +
                   "; connect by a name that it has, or set sink.redis.tls_server_name to one";
        case X509_V_ERR_INVALID_PURPOSE: return "its certificate is not meant for servers";
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_CERT_SIGNATURE_FAILURE: return why_unsigned(ssl);
        default: return "its certificate cannot be trusted: " + printable(X509_verify_cert_error_string(result));
    }
}

std::string TlsClient::why_unsigned(const SSL& ssl) const {
    const std::string issuer = issuer_clause(ssl);
    if (settings_.ca.empty())
        return "its certificate is signed by " + issuer +
               ", whom this system does not trust; set sink.redis.tls_ca to a file with that one's certificate";
    return "its certificate is signed by " + issuer + ", and not by whom " + printable(settings_.ca) +
           " (sink.redis.tls_ca) holds";
}

}  // namespace sluice::sinks::redis
