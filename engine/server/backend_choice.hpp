// The backend of the engine's event loops: from the key io.backend and what this machine allows.
#pragma once

#include <cstdint>

#include "engine/config/config.hpp"
#include "engine/io/backend.hpp"

namespace sluice {

// Replaces `auto` by what a first look finds to work here, once for all threads; logs why, if that is not io_uring.
// Memory is not looked at: the loops need more of it than a look takes.
void resolve_backend(config::Config& config);

// Where `auto` became io_uring, and a loop of `needed_bytes` in all could not be made: epoll from now on, with a
// warning that says why.
void fall_back_to_epoll(config::Config& config, const io::LoopError& error, std::uint64_t needed_bytes);

// After resolve_backend().
[[nodiscard]] io::Backend backend_of(const config::Config& config);

}  // namespace sluice
