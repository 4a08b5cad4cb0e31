// When a Redis sink tries again: the circuit breaker, the pauses after refusals, and what may be sent meanwhile. No
// socket, no clock, no window: the sink says what happened, at which time, and how its window stands.
//
// RefusalRetry: when commands that were refused and kept are sent again: soon where Redis is busy, after the longest
// pause where an operator must act. RetryPolicy joins it with the breaker.
//
//     a connection lost, an attempt failed, every command of a batch refused: a failure
//
//     closed ── so many failures in a row ──> open
//     open ── attempt: connect, send what is kept, or take new ──> half open
//     half open ── a command stored, or connected with nothing to send ──> closed
//     half open ── a failure ──> open
//
// One owner thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/core/batch.hpp"
#include "engine/core/check.hpp"
#include "sinks/breaker.hpp"
#include "sinks/redis/link/backoff.hpp"
#include "sinks/redis/link/settings.hpp"

namespace sluice::sinks::redis {

class RefusalRetry {
  public:
    RefusalRetry(const RedisSettings& settings, std::uint64_t seed)
        : backoff_(settings.backoff_min_ns, settings.backoff_max_ns, seed) {}

    // Commands were refused as `outcome` and are kept; `delivered`: none was. A time that is set already stays.
    void kept(CommandOutcome outcome, std::uint64_t now_ns) {
        if (outcome == CommandOutcome::delivered || at_ns_ != 0) return;
        at_ns_ = now_ns + (outcome == CommandOutcome::refused ? backoff_.longest_ns() : backoff_.next_ns());
    }
    // What is kept is sent again.
    void sent() { at_ns_ = 0; }
    // Nothing is kept any more. `has_stored`: batches were stored whole since the last call.
    void nothing_kept(bool has_stored) {
        at_ns_ = 0;
        if (has_stored) backoff_.reset();
    }

    // When what is kept is sent again; 0: nothing is, or it is under way.
    [[nodiscard]] std::uint64_t at_ns() const { return at_ns_; }
    // A pause of the same row, for something else that was refused.
    [[nodiscard]] std::uint64_t next_pause_ns() { return backoff_.next_ns(); }

  private:
    Backoff backoff_;
    std::uint64_t at_ns_ = 0;
};

class RetryPolicy {
  public:
    explicit RetryPolicy(const RedisSettings& settings)
        : breaker_(settings.breaker_failures_count), retry_(settings, ~settings.random_seed) {}

    // How the sink's window stands.
    struct Window {
        bool is_empty;
        bool is_stalled;  // refused commands are kept, and nothing new is sent before they went through
        bool awaits_replies;
    };

    // --- the connection --------------------------------------------------------------------------------
    // An attempt to connect begins.
    void attempt() { breaker_.attempt(); }
    // It failed; the next one is at `next_attempt_ns`.
    void attempt_failed(std::uint64_t next_attempt_ns) {
        breaker_.attempt();
        breaker_.failed(Breaker::Failure::connection);
        breaker_.retry_at(next_attempt_ns);
    }
    // Servers may end idle connections (Redis' `timeout`): that is no failure unless the next attempt is one, too.
    void connection_lost(const Window& window, std::uint64_t next_attempt_ns) {
        if (!window.is_empty) breaker_.failed(Breaker::Failure::connection);
        breaker_.retry_at(next_attempt_ns);
    }
    // What waits to be sent must show whether this server can be trusted; where nothing waits, that it greets is
    // enough.
    void connected(const Window& window) {
        if (is_half_open_after(Breaker::Failure::connection) && window.is_empty) breaker_.succeeded();
    }
    // When to connect again after a refusal that another connection may not meet.
    [[nodiscard]] std::uint64_t reconnect_ns(std::uint64_t now_ns) {
        const std::uint64_t due_ns = std::max(retry_.at_ns(), breaker_.retry_ns());
        return due_ns != 0 ? due_ns : now_ns + retry_.next_pause_ns();
    }

    // --- replies ---------------------------------------------------------------------------------------
    void command_stored() { breaker_.succeeded(); }
    // Every command of a batch was refused.
    void batch_refused() { breaker_.failed(Breaker::Failure::refusal); }
    // After replies were read: `kept` is the most serious refusal among commands that are newly kept, `delivered` if
    // there are none; `has_stored`: batches were stored whole since the last call. True: all is well again.
    bool replies_read(const Window& window, CommandOutcome kept, bool has_stored, std::uint64_t now_ns) {
        retry_.kept(kept, now_ns);
        if (breaker_.wants_retry_time())
            breaker_.retry_at(retry_.at_ns() != 0 ? retry_.at_ns() : now_ns + retry_.next_pause_ns());
        if (window.is_stalled || kept != CommandOutcome::delivered) return false;
        retry_.nothing_kept(has_stored);
        return has_stored;
    }

    // --- sending ---------------------------------------------------------------------------------------
    enum class Allowed : std::uint8_t { nothing_new, front, all };
    // A server that was lost gets one batch to prove itself with. One that refuses gets all that was sent on before the
    // breaker opened: who waits for it is then told so. What is kept goes alone, at its time.
    [[nodiscard]] Allowed may_begin(const Window& window, std::uint64_t now_ns) const {
        const bool is_alone = !window.awaits_replies;
        if (window.is_stalled) return is_alone && now_ns >= retry_.at_ns() ? Allowed::front : Allowed::nothing_new;
        if (!is_half_open_after(Breaker::Failure::connection)) return Allowed::all;
        return is_alone ? Allowed::front : Allowed::nothing_new;
    }
    // Something was sent. `window`: before it was.
    void sent(const Window& window) {
        if (!window.is_stalled) return;
        retry_.sent();
        breaker_.attempt();
    }
    // At the end of a step, while connected. Nothing is kept that could be tried: new samples have to show whether the
    // server takes any again.
    void step_ended(const Window& window, std::uint64_t now_ns) {
        if (!window.is_stalled && breaker_.retry_ns() <= now_ns) breaker_.attempt();
    }

    // --- what others see -------------------------------------------------------------------------------
    // When something is to be tried although nothing happens; 0: never. `reply_deadline_ns`: while replies are due,
    // when they are late; else 0.
    [[nodiscard]] std::uint64_t deadline_ns(const Window& window, std::uint64_t reply_deadline_ns) const {
        if (window.is_stalled) return window.awaits_replies ? reply_deadline_ns : retry_.at_ns();
        const std::uint64_t retry_ns = breaker_.retry_ns();
        if (retry_ns == 0 || reply_deadline_ns == 0) return retry_ns + reply_deadline_ns;
        return std::min(retry_ns, reply_deadline_ns);
    }
    // The number of the turn in which new samples are let through, to show whether the server takes any again; 0: there
    // is none. Each time that one begins has its own number. `takes_samples`: connected, and nothing is kept.
    [[nodiscard]] std::uint64_t turn(bool takes_samples) {
        const bool is_turn = takes_samples && is_half_open_after(Breaker::Failure::refusal);
        if (is_turn && !is_turn_) ++turns_count_;
        is_turn_ = is_turn;
        return is_turn ? turns_count_ : 0;
    }
    [[nodiscard]] const Breaker& breaker() const { return breaker_; }
    [[nodiscard]] std::uint64_t kept_retry_ns() const { return retry_.at_ns(); }

  private:
    [[nodiscard]] bool is_half_open_after(Breaker::Failure failure) const {
        return breaker_.state() == BreakerState::half_open && breaker_.last_failure() == failure;
    }

    Breaker breaker_;
    RefusalRetry retry_;
    std::uint64_t turns_count_ = 0;
    bool is_turn_ = false;
};

}  // namespace sluice::sinks::redis
