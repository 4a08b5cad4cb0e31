// Breaker: the circuit breaker of a sink. Decides from what failed and what succeeded whether it is worth offering the
// server anything but the next attempt.
//
//     closed ── failures_max failures in a row ──> open ── attempt() ──> half_open ── success ──> closed
//                                                    ^──────── failure ─────────┘
//
// It has no clock and makes no attempt: its owner sets the time of the next one, and says when it is made. While it is
// not closed, requests that would wait for the server are refused at the door (engine/ingest); what is accepted
// already stays with the sink, which keeps it. One owner thread; what others may know is published (signal.hpp,
// figures.hpp).
#pragma once

#include <cstdint>

namespace sluice::sinks {

enum class BreakerState : std::uint8_t {
    closed,     // all is well, or too few failures to say otherwise
    open,       // nothing is tried before retry_ns()
    half_open,  // an attempt is under way; what becomes of it decides
};

[[nodiscard]] constexpr const char* name_of(BreakerState state) {
    switch (state) {
        case BreakerState::closed: return "closed";
        case BreakerState::open: return "open";
        case BreakerState::half_open: return "half_open";
    }
    return "";
}

class Breaker {
  public:
    enum class Failure : std::uint8_t {
        connection,  // none could be made, or one broke under what was sent
        refusal,     // the server is there, and refused every command of a batch
    };

    // Opens after `failures_max` failures in a row; 0: never.
    explicit Breaker(std::uint32_t failures_max) : failures_max_(failures_max) {}

    void failed(Failure failure) {
        if (failures_max_ == 0) return;
        last_failure_ = failure;
        if (failures_count_ < failures_max_) ++failures_count_;
        const bool opens =
            state_ == BreakerState::half_open || (state_ == BreakerState::closed && failures_count_ == failures_max_);
        if (!opens) return;  // what was under way when it opened changes nothing
        if (state_ == BreakerState::closed) ++opens_count_;
        state_ = BreakerState::open;
        retry_ns_ = 0;
    }

    // When the next attempt is due (monotonic); to be called when wants_retry_time().
    void retry_at(std::uint64_t ns) {
        if (state_ == BreakerState::open) retry_ns_ = ns;
    }
    [[nodiscard]] bool wants_retry_time() const { return state_ == BreakerState::open && retry_ns_ == 0; }

    // The next attempt is made now.
    void attempt() {
        if (state_ == BreakerState::open) state_ = BreakerState::half_open;
    }

    // The server took a command; or answered a new connection, where nothing is left to be sent.
    void succeeded() {
        state_ = BreakerState::closed;
        failures_count_ = 0;
        retry_ns_ = 0;
    }

    [[nodiscard]] BreakerState state() const { return state_; }
    // Of the next attempt; 0 unless open.
    [[nodiscard]] std::uint64_t retry_ns() const { return state_ == BreakerState::open ? retry_ns_ : 0; }
    // While not closed: what it opened, or stayed open, for.
    [[nodiscard]] Failure last_failure() const { return last_failure_; }
    // Since the last success; does not count on once it is open.
    [[nodiscard]] std::uint32_t failures_count() const { return failures_count_; }
    // Times that it left `closed`.
    [[nodiscard]] std::uint64_t opens_count() const { return opens_count_; }

  private:
    const std::uint32_t failures_max_;
    std::uint32_t failures_count_ = 0;
    std::uint64_t retry_ns_ = 0;
    std::uint64_t opens_count_ = 0;
    BreakerState state_ = BreakerState::closed;
    Failure last_failure_ = Failure::connection;
};

}  // namespace sluice::sinks
