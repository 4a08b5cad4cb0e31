// Context: what all TLS connections of the engine share: certificates, keys, and what may be agreed on. Made at start
// and at a reload; then it does not change, so any number of threads use it at once. A connection keeps the one that it
// began with.
//
// Agreed on: TLS 1.2 or 1.3, ALPN `http/1.1` or none. Not to be had: renegotiation, compression, early data (a replayed
// POST would be stored twice). Sessions are resumed by tickets alone: a cache would be one more lock.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/tls/certificate.hpp"
#include "engine/tls/openssl.hpp"
#include "engine/tls/settings.hpp"
#include "engine/tls/ticket_keys.hpp"

namespace sluice::tls {

class Context {
  public:
    // Reads the files. An error is a sentence that names the file and the key.
    // `tickets`: null, or those of an earlier context, so that its sessions are resumed.
    [[nodiscard]] static std::expected<std::shared_ptr<const Context>, std::string> load(
        const Settings& settings, std::shared_ptr<TicketKeys> tickets = nullptr);

    // For a new connection.
    [[nodiscard]] SslPtr open() const { return SslPtr(SSL_new(pairs_.front().ssl.get())); }
    [[nodiscard]] TicketKeys& tickets() const { return *tickets_; }
    // Of each certificate, the first one being that of clients that name no server.
    [[nodiscard]] std::span<const CertificateInfo> certificates() const { return infos_; }
    // Groups of the settings that this machine's OpenSSL does not have.
    [[nodiscard]] const std::string& unknown_groups() const { return unknown_groups_; }

  private:
    struct Served {
        SslContextPtr ssl;
    };

    Context() = default;
    [[nodiscard]] std::expected<SslContextPtr, std::string> make(const Settings& settings, const Pair& pair);
    [[nodiscard]] std::expected<void, std::string> set_algorithms(SSL_CTX* ssl, const Settings& settings);
    void set_tickets(SSL_CTX* ssl, const Settings& settings);

    std::vector<Served> pairs_;  // never empty
    std::vector<CertificateInfo> infos_;
    std::shared_ptr<TicketKeys> tickets_;
    std::string unknown_groups_;
};

}  // namespace sluice::tls
