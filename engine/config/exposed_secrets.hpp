// Secrets on a command line: every user of the machine can read them in the list of processes. They work, and are
// warned of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/config/load.hpp"

namespace sluice::config {

// The options that hold a secret, as typed, each once: "--sink", "--set sink.redis.password".
[[nodiscard]] std::vector<std::string> exposed_secrets(const Overrides& overrides);

// What is wrong with them, and what mends it.
inline constexpr std::string_view exposed_reason = "every user of this machine can read it in the list of processes";
inline constexpr std::string_view exposed_change =
    "set sink.redis.password_file, or the variable SLUICE_SINK_REDIS_PASSWORD";

}  // namespace sluice::config
