// AcceptGate: whether a loop may accept connections now. One thread; sans I/O.
//
// It shuts when no slot is free or when the kernel has no descriptor or memory, and opens again when enough slots came
// free, or, where others use up the descriptors, after a while. One gate serves all listeners of a loop, since they
// share its slots. Connections that nobody accepts wait in the backlogs.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/core/check.hpp"

namespace sluice::io {

class AcceptGate {
  public:
    enum class State : std::uint8_t {
        open,
        full,       // no slot was free: waits for slots only
        exhausted,  // slots were free, but no descriptor: waits for slots or time
    };

    // How long it stays shut when descriptors ran out although slots are free.
    static constexpr std::uint64_t retry_interval_ns = 100'000'000;
    // It opens when this share of the slots in use came free, so that it does not toggle when nearly all are in use.
    static constexpr std::uint64_t low_water_divisor = 32;

    // Both return whether it was open before. `open_count`: slots in use.
    bool shut_when_full(std::uint64_t open_count) { return shut(State::full, 0, low_water(open_count)); }
    bool shut_when_exhausted(std::uint64_t free_count, std::uint64_t open_count, std::uint64_t now_ns) {
        return shut(State::exhausted, now_ns + retry_interval_ns, free_count + low_water(open_count));
    }
    // Stays shut for another interval, or until one more slot is free: there still is no descriptor.
    void prolong(std::uint64_t free_count, std::uint64_t now_ns) {
        CHECK(state_ != State::open);
        state_ = State::exhausted;
        retry_ns_ = now_ns + retry_interval_ns;
        free_to_open_count_ = free_count + 1;
    }

    [[nodiscard]] State state() const { return state_; }
    // Whether what it waits for has come.
    [[nodiscard]] bool may_open(std::uint64_t free_count, std::uint64_t now_ns) const {
        const bool is_time = state_ == State::exhausted && now_ns >= retry_ns_;
        return state_ == State::open || free_count >= free_to_open_count_ || is_time;
    }
    void open() {
        state_ = State::open;
        retry_ns_ = 0;
    }
    // The earlier of `deadline_ns` and the time at which to look again; 0 is none (monotonic).
    [[nodiscard]] std::uint64_t earlier(std::uint64_t deadline_ns) const {
        if (retry_ns_ == 0 || (deadline_ns != 0 && deadline_ns < retry_ns_)) return deadline_ns;
        return retry_ns_;
    }

  private:
    static std::uint64_t low_water(std::uint64_t open_count) {
        return std::max<std::uint64_t>(open_count / low_water_divisor, 1);
    }
    bool shut(State state, std::uint64_t retry_ns, std::uint64_t free_to_open_count) {
        const bool was_open = state_ == State::open;
        state_ = state;
        retry_ns_ = retry_ns;
        free_to_open_count_ = free_to_open_count;
        return was_open;
    }

    State state_ = State::open;
    std::uint64_t retry_ns_ = 0;  // 0 unless exhausted
    std::uint64_t free_to_open_count_ = 0;  // free slots that open it
};

}  // namespace sluice::io
