#include "engine/runtime/tls_settings.hpp"

namespace sluice {

tls::Settings tls_settings(const config::Config& config) {
    return {.pair = {config.tls.certificate, config.tls.key},
            .is_tls_1_3_only = config.tls.version_min == config::TlsVersion::tls_1_3,
            .ciphers = config.tls.ciphers,
            .groups = config.tls.groups,
            .ticket_lifetime_s = config.tls.ticket_lifetime_s};
}

}  // namespace sluice
