// What a start of this configuration would meet on this machine. Main thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/config/config.hpp"

namespace sluice::check {

// Locked memory that the rings of all reactors take, in bytes.
[[nodiscard]] std::uint64_t locked_bytes_needed(const config::Config& config);

// A sentence each: io_uring and locked memory, addresses that are not here, folders that are not there.
[[nodiscard]] std::vector<std::string> machine_warnings(const config::Config& config);

}  // namespace sluice::check
