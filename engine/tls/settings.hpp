// Settings of TLS as this folder takes them: values, checked by engine/config.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::tls {

// Files in PEM.
struct PairFiles {
    std::string certificate;  // the chain, the leaf first
    std::string key;
};

struct Settings {
    PairFiles pair;
    bool is_tls_1_3_only = false;
    std::string ciphers;  // of TLS 1.2, as OpenSSL lists them
    std::string groups;  // with commas between them
    std::uint64_t ticket_lifetime_s = 0;  // 0: no tickets
};

}  // namespace sluice::tls
