// `sluice check-config FILE [--set KEY=VALUE]... [--connect]`: whether a configuration is right, and what of it this
// machine lacks. A file for another machine is right if only that is missing, so it is told as a warning. Changes
// nothing. Main thread; blocks while Redis is asked.
#pragma once

#include <expected>
#include <string>

#include "engine/config/command_line.hpp"

namespace sluice::check {

struct Answer {
    std::string
        text;  // for stdout, with its line feeds: a line for each warning and note; without an error then `FILE: ok`
    std::string error;  // a sentence: Redis cannot be asked, or takes no sample; empty otherwise
};

// An error is a sentence about the configuration itself.
[[nodiscard]] std::expected<Answer, config::ConfigError> check_config(const config::Invocation& invocation,
                                                                      const config::Environment& environment);

}  // namespace sluice::check
