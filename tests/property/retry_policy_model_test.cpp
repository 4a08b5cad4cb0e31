// RetryPolicy against a model that keeps the whole history and answers from it: after each random event both must say
// the same. Pauses are random, so the model knows only between which times they end.
// runs: release asan
#include "sinks/redis/link/retry_policy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/support/seed.hpp"

namespace sluice::sinks::redis {
namespace {

constexpr std::uint64_t backoff_min_ns = 100;
constexpr std::uint64_t backoff_max_ns = 5'000;

// What can move a breaker.
enum class Happened : std::uint8_t { connection_failure, refusal_failure, attempt, success };

bool is_failure(Happened what) { return what == Happened::connection_failure || what == Happened::refusal_failure; }

struct Times {
    std::uint64_t first_ns = 0;
    std::uint64_t last_ns = 0;
    [[nodiscard]] bool has(std::uint64_t ns) const { return first_ns <= ns && ns <= last_ns; }
};

// The breaker as its comment draws it: what counts is what happened since the last success.
class HistoryModel {
  public:
    explicit HistoryModel(std::uint32_t failures_max) : failures_max_(failures_max) {}

    void add(Happened what) {
        const BreakerState before = state();
        if (what == Happened::success) since_success_.clear();
        else since_success_.push_back(what);
        if (before == BreakerState::closed && state() == BreakerState::open) ++opens_count_;
    }
    [[nodiscard]] std::size_t failures_count() const {
        return static_cast<std::size_t>(std::ranges::count_if(since_success_, is_failure));
    }
    // Open from the failure that was one too many; half open once an attempt follows the last failure.
    [[nodiscard]] BreakerState state() const {
        if (failures_max_ == 0 || failures_count() < failures_max_) return BreakerState::closed;
        return is_failure(since_success_.back()) ? BreakerState::open : BreakerState::half_open;
    }
    [[nodiscard]] bool is_half_open_after(Happened failure) const {
        if (state() != BreakerState::half_open) return false;
        return *std::find_if(since_success_.rbegin(), since_success_.rend(), is_failure) == failure;
    }
    [[nodiscard]] std::uint64_t opens_count() const { return opens_count_; }

  private:
    const std::uint32_t failures_max_;
    // Attempts count only while it is open: a closed breaker is not tried.
    std::vector<Happened> since_success_;
    std::uint64_t opens_count_ = 0;
};

// One random life of a policy.
class Round {
  public:
    explicit Round(std::uint64_t seed)
        : random_(seed), failures_max_(pick(5)), policy_(settings_of(seed, failures_max_)), model_(failures_max_) {}

    void run() {
        for (int step = 0; step < 400 && !testing::Test::HasFatalFailure(); ++step) {
            SCOPED_TRACE("step " + std::to_string(step));
            now_ns_ += 1 + pick(3) * pick(backoff_max_ns);
            window_ = {.is_empty = pick(2) == 0, .is_stalled = pick(2) == 0, .awaits_replies = pick(2) == 0};
            if (window_.is_empty) window_.is_stalled = window_.awaits_replies = false;
            happen();
            compare();
        }
    }

  private:
    static RedisSettings settings_of(std::uint64_t seed, std::uint32_t failures_max) {
        RedisSettings settings;
        settings.backoff_min_ns = backoff_min_ns;
        settings.backoff_max_ns = backoff_max_ns;
        settings.breaker_failures_count = failures_max;
        settings.random_seed = seed;
        return settings;
    }
    std::uint32_t pick(std::uint64_t count) { return static_cast<std::uint32_t>(random_() % count); }

    void attempted() {
        if (model_.state() == BreakerState::open) model_.add(Happened::attempt);
    }
    void failed(Happened failure) { model_.add(failure); }

    void happen() {
        const std::uint64_t next_ns = now_ns_ + 1 + pick(1000);
        switch (pick(10)) {
            case 0: policy_.attempt(); return attempted();
            case 1:
                policy_.attempt_failed(next_ns);
                attempted();
                failed(Happened::connection_failure);
                return set_retry({next_ns, next_ns});
            case 2:
                policy_.connection_lost(window_, next_ns);
                if (!window_.is_empty) failed(Happened::connection_failure);
                return set_retry({next_ns, next_ns});
            case 3:
                policy_.connected(window_);
                if (window_.is_empty && model_.is_half_open_after(Happened::connection_failure))
                    model_.add(Happened::success);
                return;
            case 4: policy_.command_stored(); return model_.add(Happened::success);
            case 5: return batch_refused();
            case 6: return replies_read();
            case 7:
                policy_.sent(window_);
                if (!window_.is_stalled) return;
                kept_ = {};
                return attempted();
            case 8: return reconnects();
            default:
                policy_.step_ended(window_, now_ns_);
                if (!window_.is_stalled && model_.state() == BreakerState::open &&
                    policy_.breaker().retry_ns() <= now_ns_)
                    attempted();
        }
    }

    // The sink always reads on after a batch that was refused, and hears then when to try again.
    void batch_refused() {
        policy_.batch_refused();
        failed(Happened::refusal_failure);
        replies_read();
    }

    void replies_read() {
        constexpr std::array outcomes{CommandOutcome::delivered, CommandOutcome::busy, CommandOutcome::refused};
        const CommandOutcome kept = outcomes[pick(3)];
        const bool has_stored = pick(2) == 0;
        const bool is_unset = kept_.last_ns == 0;
        const bool wants_retry_time = policy_.breaker().wants_retry_time();
        const bool is_well = policy_.replies_read(window_, kept, has_stored, now_ns_);
        if (kept == CommandOutcome::busy && is_unset) kept_ = drawn();
        if (kept == CommandOutcome::refused && is_unset)
            kept_ = {now_ns_ + backoff_max_ns / 2, now_ns_ + backoff_max_ns};
        if (wants_retry_time) set_retry(kept_.last_ns != 0 ? kept_ : drawn());
        const bool is_nothing_kept = !window_.is_stalled && kept == CommandOutcome::delivered;
        EXPECT_EQ(is_well, is_nothing_kept && has_stored);
        if (!is_nothing_kept) return;
        kept_ = {};
        if (has_stored) ceiling_ns_ = backoff_min_ns;
    }

    void reconnects() {
        const std::uint64_t due_ns = std::max(policy_.kept_retry_ns(), policy_.breaker().retry_ns());
        const std::uint64_t at_ns = policy_.reconnect_ns(now_ns_);
        EXPECT_TRUE((due_ns != 0 ? Times{due_ns, due_ns} : drawn()).has(at_ns)) << at_ns;
    }

    // The next pause of the row: the upper half of a ceiling that doubles.
    Times drawn() {
        const std::uint64_t ceiling_ns = ceiling_ns_;
        ceiling_ns_ = std::min(backoff_max_ns, 2 * ceiling_ns_);
        return {now_ns_ + ceiling_ns / 2, now_ns_ + ceiling_ns};
    }
    void set_retry(const Times& times) {
        if (model_.state() == BreakerState::open) retry_ = times;
    }

    void compare() {
        const Breaker& breaker = policy_.breaker();
        ASSERT_EQ(breaker.state(), model_.state());
        ASSERT_EQ(breaker.opens_count(), model_.opens_count());
        const std::size_t counted = failures_max_ == 0 ? 0 : model_.failures_count();
        ASSERT_EQ(breaker.failures_count(), std::min<std::size_t>(counted, failures_max_));
        if (breaker.state() == BreakerState::open) ASSERT_TRUE(retry_.has(breaker.retry_ns())) << breaker.retry_ns();
        else ASSERT_EQ(breaker.retry_ns(), 0u);
        ASSERT_TRUE(kept_.has(policy_.kept_retry_ns())) << policy_.kept_retry_ns();
        compare_sending();
        compare_deadline();
        compare_turn();
    }

    void compare_sending() {
        using Allowed = RetryPolicy::Allowed;
        const bool must_prove_itself = model_.is_half_open_after(Happened::connection_failure);
        const bool is_too_early = window_.is_stalled && now_ns_ < policy_.kept_retry_ns();
        Allowed expected = Allowed::all;
        if (window_.is_stalled || must_prove_itself) expected = Allowed::front;
        if (expected == Allowed::front && (window_.awaits_replies || is_too_early)) expected = Allowed::nothing_new;
        ASSERT_EQ(policy_.may_begin(window_, now_ns_), expected);
    }

    // The earliest of what is waited for: late replies, kept commands once they are alone, else the breaker's attempt.
    void compare_deadline() {
        const std::uint64_t late_ns = window_.awaits_replies ? now_ns_ + 7 : 0;
        std::vector<std::uint64_t> waits{late_ns};
        if (window_.is_stalled && !window_.awaits_replies) waits.push_back(policy_.kept_retry_ns());
        if (!window_.is_stalled) waits.push_back(policy_.breaker().retry_ns());
        std::erase(waits, 0);
        const std::uint64_t expected = waits.empty() ? 0 : *std::ranges::min_element(waits);
        ASSERT_EQ(policy_.deadline_ns(window_, late_ns), expected);
    }

    void compare_turn() {
        const bool takes_samples = pick(4) != 0;
        const bool is_turn = takes_samples && model_.is_half_open_after(Happened::refusal_failure);
        if (is_turn && !was_turn_) ++turns_count_;
        was_turn_ = is_turn;
        ASSERT_EQ(policy_.turn(takes_samples), is_turn ? turns_count_ : 0);
    }

    std::mt19937_64 random_;
    const std::uint32_t failures_max_;
    RetryPolicy policy_;
    HistoryModel model_;
    std::uint64_t now_ns_ = 1;
    RetryPolicy::Window window_{};
    Times kept_;  // when kept commands are tried again; {0, 0}: none are
    Times retry_;  // while the breaker is open: when the next attempt is
    std::uint64_t ceiling_ns_ = backoff_min_ns;
    bool was_turn_ = false;
    std::uint64_t turns_count_ = 0;
};

TEST(RetryPolicyModel, SaysWhatTheHistorySays) {
    const std::uint64_t seed = tests::test_seed();
    SCOPED_TRACE(tests::seed_trace(seed));
    std::mt19937_64 seeds(seed);
    for (int round = 0; round < 500 && !HasFailure(); ++round) {
        SCOPED_TRACE("round " + std::to_string(round));
        Round(seeds()).run();
    }
}

}  // namespace
}  // namespace sluice::sinks::redis
