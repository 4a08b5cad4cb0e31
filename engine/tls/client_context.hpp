// ClientContext: what all TLS connections of a client to one server share: whom it trusts, its certificate, and what
// may be agreed on. Made at start; then it does not change, so any number of threads use it at once.
//
// Agreed on: TLS 1.2 or 1.3 with the library's cipher suites and groups, ALPN `http/1.1` or none. No early data.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "engine/tls/client_settings.hpp"
#include "engine/tls/openssl.hpp"

namespace sluice::tls {

class ClientContext {
  public:
    // Reads the files. An error is a sentence that names the file.
    [[nodiscard]] static std::expected<std::unique_ptr<const ClientContext>, std::string> load(
        const ClientSettings& settings);

    // For a new connection; null without memory.
    [[nodiscard]] SslPtr open() const;
    [[nodiscard]] const std::string& server_name() const { return server_name_; }

  private:
    ClientContext() = default;

    SslContextPtr context_;
    std::string server_name_;
    bool is_address_ = false;  // server_name_ is no name, so it is not sent (RFC 6066 section 3)
};

}  // namespace sluice::tls
