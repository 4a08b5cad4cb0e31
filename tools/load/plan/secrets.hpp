// Removes secrets from command lines and URLs before they are shown: reports are kept and published.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sluice::load {

// `text` with *** for what is, by its place or name, a secret: user and password of a URL, values of query parameters,
// headers (`NAME: VALUE`) and settings (`NAME=VALUE`) whose name tells (password, token, authorization, cookie,
// api-key, …).
[[nodiscard]] std::string without_secrets(std::string_view text);

// A command line that may be shown and, secrets apart, pasted into a shell. The value of an option whose name tells is
// hidden.
[[nodiscard]] std::string shown_command_line(std::span<const std::string> words);

}  // namespace sluice::load
