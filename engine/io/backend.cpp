#include "engine/io/backend.hpp"

#include "engine/io/epoll_loop.hpp"
#include "engine/io/ring.hpp"
#include "engine/io/uring_loop.hpp"

namespace sluice::io {

std::expected<std::unique_ptr<Loop>, LoopError> open_loop(Backend backend, const LoopSettings& settings,
                                                          Events& events) {
    return backend == Backend::io_uring ? UringLoop::open(settings, events) : EpollLoop::open(settings, events);
}

// Seccomp filters judge each system call, so io_uring_enter(2) is tried as well as io_uring_setup(2).
std::expected<void, LoopError> try_io_uring() {
    LoopSettings settings;
    settings.ring_entries_count = 8;
    auto ring = Ring::open(settings);
    if (!ring) return std::unexpected(ring.error());
    io_uring_prep_nop((*ring)->submission());
    const int submitted = io_uring_submit_and_wait((*ring)->raw(), 1);
    if (submitted < 0) return std::unexpected(explain_unavailable(-submitted, "io_uring_enter"));
    return {};
}

}  // namespace sluice::io
