// Credentials of a systemd service: files in a directory that only the service can read, and that
// $CREDENTIALS_DIRECTORY names (systemd.exec(5), LoadCredential=). A setting may give a bare name, because the
// directory is another one for each service. Values; start-up.
#pragma once

#include <span>
#include <string>

#include "engine/config/config.hpp"

namespace sluice::config {

// Puts the directory before the names of sink.redis.password_file, tls_ca, tls_certificate and tls_key that hold no
// slash. `variables`: NAME=value; without CREDENTIALS_DIRECTORY, names are files of the working directory.
void find_credentials(Config& config, std::span<const std::string> variables);

}  // namespace sluice::config
