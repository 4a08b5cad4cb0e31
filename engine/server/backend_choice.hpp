// The backend of the engine's event loops: from the key io.backend and what this machine allows.
#pragma once

#include "engine/config/config.hpp"
#include "engine/io/backend.hpp"

namespace sluice {

// Replaces `auto` by what works here, once for all threads; logs why, if that is not io_uring.
void resolve_backend(config::Config& config);

// After resolve_backend().
[[nodiscard]] io::Backend backend_of(const config::Config& config);

}  // namespace sluice
