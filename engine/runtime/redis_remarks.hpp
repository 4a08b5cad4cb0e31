// What an operator should know of the settings of Redis before anything is connected: files that others can read, and a
// TLS that verifies nobody. Start-up; blocks for the disk.
#pragma once

#include <string>
#include <vector>

#include "engine/config/config.hpp"
#include "engine/watch/probe.hpp"

namespace sluice {

// With sink.url of another kind than Redis: none.
[[nodiscard]] std::vector<watch::Remark> redis_remarks(const config::Config& config);

// Why no connection over TLS can be made with the files as they are now, in one sentence. Empty: it can, or is not
// wanted.
[[nodiscard]] std::string redis_tls_problem(const config::Config& config);

}  // namespace sluice
