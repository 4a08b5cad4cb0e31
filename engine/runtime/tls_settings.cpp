#include "engine/runtime/tls_settings.hpp"

namespace sluice {
namespace {

tls::ClientCertificate client_of(config::TlsClient client) {
    switch (client) {
        case config::TlsClient::off: return tls::ClientCertificate::off;
        case config::TlsClient::optional: return tls::ClientCertificate::optional;
        case config::TlsClient::required: return tls::ClientCertificate::required;
    }
    return tls::ClientCertificate::required;
}

}  // namespace

tls::Settings tls_settings(const config::Config& config) {
    tls::Settings settings{.pair = {config.tls.certificate, config.tls.key},
                           .more = {},
                           .is_tls_1_3_only = config.tls.version_min == config::TlsVersion::tls_1_3,
                           .ciphers = config.tls.ciphers,
                           .groups = config.tls.groups,
                           .ticket_lifetime_s = config.tls.ticket_lifetime_s,
                           .client = client_of(config.tls.client),
                           .client_ca = config.tls.client_ca,
                           .crl = config.tls.crl};
    for (const config::CertificatePair& pair : config.tls.more) settings.more.push_back({pair.certificate, pair.key});
    return settings;
}

}  // namespace sluice
