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
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/tls/certificate.hpp"
#include "engine/tls/client_trust.hpp"
#include "engine/tls/openssl.hpp"
#include "engine/tls/settings.hpp"
#include "engine/tls/ticket_keys.hpp"

namespace sluice::tls {

class Context {
  public:
    // Reads the files. An error is a sentence that names the file or the key.
    // `before`: null, or the context that this one replaces. Its sessions are resumed, unless other clients are trusted
    // now: a ticket carries the certificate that its client showed once.
    [[nodiscard]] static std::expected<std::shared_ptr<const Context>, std::string> load(
        const Settings& settings, const Context* before = nullptr);

    // For a new connection.
    [[nodiscard]] SslPtr open() const { return SslPtr(SSL_new(contexts_.front().get())); }
    // Of the certificate for a server's name: an exact one, else one for all names of its domain (`*.example.org`).
    // Null: none is for it, the first one is shown.
    [[nodiscard]] SSL_CTX* find(std::string_view server_name) const;
    [[nodiscard]] const ClientTrust& client_trust() const { return client_trust_; }
    [[nodiscard]] TicketKeys& tickets() const { return *tickets_; }
    // Of each certificate, in the order of the settings.
    [[nodiscard]] std::span<const CertificateInfo> certificates() const { return infos_; }
    // A sentence, if one of them is over at `now_s` (since 1970). Empty: none is.
    [[nodiscard]] std::string expired(std::int64_t now_s) const;
    // Groups of the settings that this machine's OpenSSL does not have.
    [[nodiscard]] const std::string& unknown_groups() const { return unknown_groups_; }

  private:
    using Made = std::expected<void, std::string>;

    Context() = default;
    [[nodiscard]] Made add(const Settings& settings, const PairFiles& files);
    [[nodiscard]] Made set_algorithms(SSL_CTX* ssl, const Settings& settings);

    std::vector<SslContextPtr> contexts_;  // one for each certificate; never empty
    std::vector<CertificateInfo> infos_;
    std::unordered_map<std::string, SSL_CTX*> by_name_;  // borrowed from contexts_
    ClientTrust client_trust_;
    std::shared_ptr<TicketKeys> tickets_;
    std::string unknown_groups_;
};

}  // namespace sluice::tls
