// TlsClient: what connections to Redis over TLS begin with, made of files: whom to trust, and what to show. Made before
// each connect, so that files can be changed without a restart.
//
// The certificate of the server must lead to a trusted one, be valid now, be for servers, and be for the name or the
// address that is connected to (RFC 9525). TLS 1.2 and 1.3. No session is resumed: connections are few and long.
//
// The thread of whoever connects.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "engine/tls/openssl.hpp"
#include "sinks/redis/tls/settings.hpp"

namespace sluice::sinks::redis {

// Behind a sentence that says that a server does not answer in TLS.
inline constexpr std::string_view no_tls_guess =
    "; if it speaks plain Redis, sink.url begins with redis, not with rediss";
// Behind one that says that a server ended a plain connection on which it had answered nothing.
inline constexpr std::string_view tls_guess = "; if it speaks TLS, sink.url begins with rediss";

class TlsClient {
  public:
    // Reads the files: blocks for the disk. The error is a sentence that names the file.
    [[nodiscard]] static std::expected<TlsClient, std::string> load(const RedisTlsSettings& settings);

    // For a new connection to `host`, a name or a numeric address. The handshake is the caller's; null: memory is out.
    [[nodiscard]] tls::SslPtr open(const std::string& host) const;

    // Why the handshake of `ssl` with `host` failed: a clause, printable, that says what mends it. Takes OpenSSL's
    // errors of this thread. `error_number`: errno, right after the failure; 0: the connection was closed.
    [[nodiscard]] std::string why_refused(const SSL& ssl, const std::string& host, int error_number) const;
    // Why a connection ended after its handshake, likewise. With TLS 1.3 a server refuses a client's certificate, or
    // that there is none, only then: `has_answered` tells whether it has answered anything.
    [[nodiscard]] std::string why_ended(int error_number, bool has_answered) const;
    // What OpenSSL says of a failure on this thread, as a clause; empty: nothing.
    [[nodiscard]] std::string take_clause() const;
    // What may be the reason where the server gave none and closed the connection before it answered anything: "; …",
    // or nothing.
    [[nodiscard]] std::string guess() const;

  private:
    TlsClient(const RedisTlsSettings& settings, tls::SslContextPtr context);

    [[nodiscard]] const std::string& name_for(const std::string& host) const {
        return settings_.server_name.empty() ? host : settings_.server_name;
    }
    [[nodiscard]] std::string why_untrusted(const SSL& ssl, const std::string& host) const;
    [[nodiscard]] std::string why_unsigned(const SSL& ssl) const;
    // What OpenSSL's error means here; `reason`: its own words.
    [[nodiscard]] std::string clause_of(unsigned long error, const std::string& reason) const;

    RedisTlsSettings settings_;
    tls::SslContextPtr context_;
};

}  // namespace sluice::sinks::redis
