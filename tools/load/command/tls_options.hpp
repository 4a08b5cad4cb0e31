// TlsOptions: the options of https:// as given, and the settings that they make. An empty text means: not given. Pure:
// the files are read when the run begins.
#pragma once

#include <CLI/CLI.hpp>

#include <optional>
#include <string>

#include "engine/tls/client_settings.hpp"
#include "tools/load/command/option_values.hpp"
#include "tools/load/plan/target.hpp"

namespace sluice::load {

struct TlsOptions {
    std::string ca, certificate, key, server_name, version;
    bool is_insecure = false, resumes = false;
};

// Declares the options on `app`, which writes into them when it parses.
void declare(CLI::App& app, TlsOptions& options);

// Nothing: the target is http://. The sentence of an error names the option.
[[nodiscard]] Result<std::optional<tls::ClientSettings>> tls_settings_of(const TlsOptions& options,
                                                                         const Target& target);

// An error if any of them is given. For a run without https://, where they would say nothing.
[[nodiscard]] Result<void> check_unused(const TlsOptions& options);

}  // namespace sluice::load
