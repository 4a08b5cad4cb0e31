// The password of a connection: as it was set, or as its file holds it now. Read before each connect, so that a changed
// password needs no restart.
#pragma once

#include <expected>
#include <string>

#include "sinks/redis/link/settings.hpp"

namespace sluice::sinks::redis {

// Reads settings.password_file if it is set: blocks for the disk. The error is a sentence that names the file.
[[nodiscard]] std::expected<std::string, std::string> password_of(const RedisSettings& settings);

// Whether all users of the machine can read or change the file. False where there is none.
[[nodiscard]] bool is_open_to_all(const std::string& file);

}  // namespace sluice::sinks::redis
