// From file, environment and command line to a checked Config.
//
// The command line beats the environment, which beats the file, which beats the defaults. Every value is
// checked where it stands, also one that a stronger source overrides: else a wrong setting would show only when its
// override is removed. Whether the cores exist is checked for the effective value only, since it depends on the
// machine. Then the relations between keys are checked (relations.hpp).
//
//   auto config = load_config(overrides);
//   if (!config) { print config.error().sentence; exit 2; }
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "engine/config/config.hpp"
#include "engine/config/property.hpp"

namespace sluice::config {

// One sentence without a full stop that names place, key, what was found and what is allowed:
//   sluice.toml:7: batch.size is "10 bananas", which has an unknown unit (known are B, KiB, MiB and GiB); allowed is a
//   size from 32KiB to 1MiB such as 64KiB
// Printable ASCII (and "…"), free of secrets.
struct ConfigError {
    std::string sentence;
};

// A setting from the command line.
struct Override {
    std::string option;  // as typed: --listen, --set
    std::string key;
    std::string value;
};

struct Overrides {
    std::string config_file;  // empty: what SLUICE_CONFIG names; if that is unset too, no file
    std::vector<Override> settings;
};

// What a process is given beside its command line.
struct Environment {
    std::vector<std::string> variables;  // NAME=value
    std::vector<unsigned> allowed_cores;  // ascending

    [[nodiscard]] static Environment of_process();
};

// The file that is read: that of the command line, or what SLUICE_CONFIG names; empty: none.
[[nodiscard]] std::string file_of(const Overrides& overrides, const Environment& environment);

// On success `cores` is not empty, the credentials of the sink are in sink.url, and files of credentials have a path.
[[nodiscard]] std::expected<Config, ConfigError> load_config(const Overrides& overrides,
                                                             const Environment& environment);
[[nodiscard]] std::expected<Config, ConfigError> load_config(const Overrides& overrides);

// A setting as it counts in the end.
struct EffectiveSetting {
    const Property* property;
    std::string value;   // as text_of() writes it: secrets are ***
    std::string origin;  // `default`, `sluice.toml:7`, `environment SLUICE_ACK`, `command line --set`
};

struct Inspection {
    Config config;
    std::vector<EffectiveSetting> settings;  // of every key, in the order of properties()
    std::vector<std::string> warnings;       // sentences: what of the configuration this machine lacks
};

// The same for who only looks, perhaps on another machine than the one that is meant: cores that are not there are a
// warning.
[[nodiscard]] std::expected<Inspection, ConfigError> inspect_config(const Overrides& overrides,
                                                                    const Environment& environment);

}  // namespace sluice::config
