// The settings of TLS, from the configuration.
#pragma once

#include "engine/config/config.hpp"
#include "engine/tls/settings.hpp"

namespace sluice {

[[nodiscard]] tls::Settings tls_settings(const config::Config& config);

}  // namespace sluice
