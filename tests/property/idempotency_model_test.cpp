// The table of idempotency keys against a simple model: random claims, parts that settle in any order, refusals, time
// that passes and keys that do not fit, seeded. Few keys and a small table, so that everything happens often.
// runs: release asan
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "engine/idempotency/idempotency_table.hpp"
#include "tests/support/seed.hpp"

namespace sluice {
namespace {

using Claimed = IdempotencyTable::Claimed;

class Model {
  public:
    Model(std::uint64_t seed, std::size_t keys_count_max)
        : random_(seed), keys_count_max_(keys_count_max), table_({keys_count_max, window_ns, seed}) {}

    void step() {
        now_ns_ += random_() % 20;
        switch (random_() % 4) {
            case 0:
            case 1: claim(); break;
            case 2: settle(); break;
            default: expire(); break;
        }
        const auto figures = table_.figures();
        ASSERT_LE(figures.keys, keys_count_max_);
        ASSERT_EQ(figures.in_progress, open_.size());
        ASSERT_EQ(figures.evicted_early, evicted_early_);
    }

  private:
    static constexpr std::uint64_t window_ns = 400;

    struct Known {
        std::string body;
        IdempotentAnswer answer;
        std::uint64_t answered_ns = 0;
        bool is_open = true;
    };
    struct Open {
        std::string key;
        std::uint32_t entry;
        std::uint32_t parts;
        bool is_refused = false;
    };

    // What is over is gone, whether the table has removed it or not.
    void expire() {
        while (!answered_.empty() && known_.at(answered_.front()).answered_ns + window_ns <= now_ns_) forget_oldest();
    }
    void forget_oldest() {
        known_.erase(answered_.front());
        answered_.pop_front();
    }

    [[nodiscard]] Claimed expected(const std::string& key, const std::string& body) {
        expire();
        const auto found = known_.find(key);
        if (found != known_.end()) {
            if (found->second.body != body) return Claimed::mismatch;
            return found->second.is_open ? Claimed::in_progress : Claimed::replay;
        }
        if (open_.size() == keys_count_max_) return Claimed::full;
        if (known_.size() == keys_count_max_) {
            ++evicted_early_;
            forget_oldest();
        }
        return Claimed::fresh;
    }

    void claim() {
        const std::string key = "k" + std::to_string(random_() % 12);
        const std::string body = random_() % 8 == 0 ? "x" : "y";
        const Claimed claimed = expected(key, body);
        const auto claim = table_.claim(key, fingerprint_of(1, "/", "", 0, body), now_ns_);
        ASSERT_EQ(claim.claimed, claimed) << key;
        if (claimed == Claimed::replay) {
            ASSERT_EQ(claim.answer, known_.at(key).answer);
        }
        if (claimed != Claimed::fresh) return;
        if (random_() % 5 == 0) return table_.forget(claim.entry);
        const auto number = static_cast<std::uint32_t>(random_() % 1000);
        const IdempotentAnswer answer{AckLevel::stored, false, 10 + number, number};
        const auto parts = static_cast<std::uint32_t>(1 + random_() % 3);
        table_.expect(claim.entry, answer, parts);
        known_[key] = {body, answer};
        open_.push_back({key, claim.entry, parts});
    }

    void settle() {
        if (open_.empty()) return;
        const std::size_t index = random_() % open_.size();
        Open& open = open_[index];
        const bool is_refused = random_() % 6 == 0;
        open.is_refused = open.is_refused || is_refused;
        table_.settle(open.entry, {.samples_refused = is_refused ? 1u : 0u}, now_ns_);
        if (--open.parts != 0) return;
        if (open.is_refused) {
            known_.erase(open.key);
        } else {
            known_[open.key].is_open = false;
            known_[open.key].answered_ns = now_ns_;
            answered_.push_back(open.key);
        }
        open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(index));
    }

    std::mt19937_64 random_;
    const std::size_t keys_count_max_;
    IdempotencyTable table_;
    std::uint64_t now_ns_ = 1;
    std::map<std::string, Known> known_;
    std::deque<std::string> answered_;  // oldest first
    std::vector<Open> open_;
    std::uint64_t evicted_early_ = 0;
};

TEST(IdempotencyModel, AnswersAsASimpleModelDoes) {
    const std::uint64_t seed = tests::test_seed();
    SCOPED_TRACE(tests::seed_trace(seed));
    for (std::uint64_t round = 0; round < 20; ++round) {
        Model model(seed + round, 1 + round % 9);
        for (int i = 0; i < 5'000 && !testing::Test::HasFatalFailure(); ++i) model.step();
        if (testing::Test::HasFatalFailure()) FAIL() << "round " << round;
    }
}

}  // namespace
}  // namespace sluice
