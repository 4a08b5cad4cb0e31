// Settings of TLS as this folder takes them: values, checked by engine/config.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::tls {

// Files in PEM.
struct PairFiles {
    std::string certificate;  // the chain, the leaf first
    std::string key;
};

// Whether clients show a certificate (mTLS).
enum class ClientCertificate : std::uint8_t { off, optional, required };

struct Settings {
    PairFiles pair;  // of clients that name no server, or one that is not known
    std::vector<PairFiles> more;  // chosen by the server's name that the client gives
    bool is_tls_1_3_only = false;
    std::string ciphers;  // of TLS 1.2, as OpenSSL lists them
    std::string groups;  // with commas between them
    std::uint64_t ticket_lifetime_s = 0;  // 0: no tickets
    ClientCertificate client = ClientCertificate::off;
    std::string client_ca;  // file: who signs certificates of clients
    std::string crl;  // file: which of them are revoked; empty: none
};

}  // namespace sluice::tls
