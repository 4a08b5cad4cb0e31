// LoopBase: what the loops of both backends have in common: the life of a slot, the clock of an iteration, the
// counters, and the gate through which all listeners accept. One thread, but for wake().
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/io/accept_gate.hpp"
#include "engine/io/listener.hpp"
#include "engine/io/loop.hpp"
#include "engine/io/waker.hpp"

namespace sluice::io {

// A slot goes through these in order, and is closed again then. Zero is a slot that was never used.
enum class Life : std::uint8_t {
    closed,
    open,
    closing,  // close() was called: no event but on_closed comes any more
    close_submitted,  // io_uring only: the kernel was asked to close it
};

class LoopBase : public Loop {
  public:
    void wake() final { waker_.wake(); }
    [[nodiscard]] const LoopCounters& counters() const final { return counters_; }
    [[nodiscard]] bool is_full() const final { return is_accepting_ && gate_.state() != AcceptGate::State::open; }
    void forget_longest_iteration() final { counters_.iteration_ns_max = 0; }
    [[nodiscard]] const std::string& mode() const final { return mode_; }

  protected:
    LoopBase(const LoopSettings& settings, Events& events, Waker waker, std::string mode)
        : settings_(settings),
          events_(events),
          waker_(std::move(waker)),
          mode_(std::move(mode)),
          iteration_end_ns_(monotonic_ns()) {}

    [[nodiscard]] std::uint64_t free_slots_count() const { return settings_.slots_count_max - counters_.open_slots; }

    // Behind the wait.
    void begin_iteration() {
        now_ns_ = monotonic_ns();
        events_.on_iteration(now_ns_);
    }
    // Before the wait. What the loop's owner does between two calls of run_once() counts, too: nothing may keep clients
    // waiting.
    void end_iteration() {
        iteration_end_ns_ = monotonic_ns();
        if (now_ns_ == 0) return;  // there was none yet
        ++counters_.iterations;
        counters_.iteration_ns_last = iteration_end_ns_ - now_ns_;
        counters_.iteration_ns_max = std::max(counters_.iteration_ns_max, counters_.iteration_ns_last);
    }

    // At the end of an iteration, while is_stopping_: whether accepting may end now. Bounded by the number of
    // listeners.
    [[nodiscard]] static bool is_backlog_empty(std::span<const int> listeners_fd) {
        return std::ranges::none_of(listeners_fd, [](int fd) { return has_waiting(fd); });
    }

    void count_opened() {
        CHECK(counters_.open_slots < settings_.slots_count_max);
        ++counters_.accepted;
        ++counters_.open_slots;
    }
    void count_closed() {
        CHECK(counters_.open_slots > 0);
        --counters_.open_slots;
    }

    LoopSettings settings_;
    Events& events_;
    Waker waker_;
    std::string mode_;
    AcceptGate gate_;
    bool is_accepting_ = false;  // from listen() until the backlogs are empty after stop_listening()
    bool is_stopping_ = false;  // stop_listening() was called
    std::uint64_t now_ns_ = 0;  // begin of this iteration
    std::uint64_t iteration_end_ns_ = 0;
    LoopCounters counters_;
};

}  // namespace sluice::io
