// Backend: which kernel interface a Loop stands on.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string_view>

#include "engine/io/loop.hpp"

namespace sluice::io {

enum class Backend : std::uint8_t { io_uring, epoll };

[[nodiscard]] constexpr std::string_view name_of(Backend backend) {
    return backend == Backend::io_uring ? "io_uring" : "epoll";
}

// On the thread that will run the loop. `events` outlives it.
[[nodiscard]] std::expected<std::unique_ptr<Loop>, LoopError> open_loop(Backend backend, const LoopSettings& settings,
                                                                        Events& events);

// Locked memory that a ring of this size and its buffer ring take, in bytes, in whole pages. The kernel charges it to
// the user's RLIMIT_MEMLOCK, unless the process has CAP_IPC_LOCK (io_create_region(), Linux 6.14).
[[nodiscard]] std::uint64_t locked_bytes_of(const LoopSettings& settings);
// RLIMIT_MEMLOCK of this process, in bytes; the greatest number: no limit.
[[nodiscard]] std::uint64_t locked_bytes_limit();

// Sends a no-op through a ring of its own: an error says what forbids io_uring here. Any thread.
[[nodiscard]] std::expected<void, LoopError> try_io_uring();

}  // namespace sluice::io
