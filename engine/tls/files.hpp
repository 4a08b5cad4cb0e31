// Reads the files of TLS. Blocks for the disk: at start and at a reload, never on a reactor.
#pragma once

#include <expected>
#include <string>

namespace sluice::tls {

// `what` names the file in the sentence of an error, as in `the certificate file`.
[[nodiscard]] std::expected<std::string, std::string> read_file(const std::string& path, const std::string& what);

// The same for a private key. A file that everybody may read or write is an error.
[[nodiscard]] std::expected<std::string, std::string> read_key_file(const std::string& path);

}  // namespace sluice::tls
