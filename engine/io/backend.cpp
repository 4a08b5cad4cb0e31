#include "engine/io/backend.hpp"

#include <chrono>
#include <thread>

#include "engine/io/epoll_loop.hpp"
#include "engine/io/ring.hpp"
#include "engine/io/uring_loop.hpp"

namespace sluice::io {
namespace {

// The kernel gives the memory of a closed ring back some time later (io_ring_exit_work()), and until then it counts
// against the limit of the user: also that of an engine that has just ended. 1 s in all; the thread sleeps.
constexpr int attempts_count = 20;
constexpr std::chrono::milliseconds retry_interval{50};

bool is_worth_waiting(const LoopError& error, const LoopSettings& settings) {
    return error.is_for_memory && locked_bytes_limit() >= locked_bytes_of(settings);
}

}  // namespace

std::expected<std::unique_ptr<Loop>, LoopError> open_loop(Backend backend, const LoopSettings& settings,
                                                          Events& events) {
    if (backend == Backend::epoll) return EpollLoop::open(settings, events);
    auto loop = UringLoop::open(settings, events);
    for (int attempt = 1; !loop && is_worth_waiting(loop.error(), settings) && attempt < attempts_count; ++attempt) {
        std::this_thread::sleep_for(retry_interval);
        loop = UringLoop::open(settings, events);
    }
    return loop;
}

// Seccomp filters judge each system call, so io_uring_enter(2) is tried as well as io_uring_setup(2).
std::expected<void, LoopError> try_io_uring() {
    LoopSettings settings;
    settings.ring_entries_count = 8;
    auto ring = Ring::open(settings);
    if (!ring) return std::unexpected(ring.error());
    io_uring_prep_nop((*ring)->submission());
    const int submitted = io_uring_submit_and_wait((*ring)->raw(), 1);
    if (submitted < 0) return std::unexpected(explain_unavailable(-submitted, settings, "io_uring_enter"));
    return {};
}

}  // namespace sluice::io
