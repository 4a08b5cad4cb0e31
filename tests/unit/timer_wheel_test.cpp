// TimerWheel: never early, at most one bucket late, through long sleeps and many turns of the wheel; against a
// multimap.
// runs: release asan
#include "engine/io/timer_wheel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <random>
#include <vector>

#include "tests/support/seed.hpp"

namespace sluice {
namespace {

using io::Slot;
using io::TimerWheel;

constexpr std::uint64_t bucket_ns = std::uint64_t{1} << TimerWheel::tick_shift;
constexpr std::uint64_t turn_ns = bucket_ns * TimerWheel::buckets_count;
constexpr std::uint64_t start_ns = 5'000'000'000'000;

class Wheel {
  public:
    explicit Wheel(std::size_t slots_count) : wheel(slots_count) { static_cast<void>(advance(start_ns)); }

    std::vector<Slot> advance(std::uint64_t now_ns) {
        std::vector<Slot> fired;
        now = now_ns;
        wheel.advance(now_ns, [&](Slot slot) { fired.push_back(slot); });
        std::ranges::sort(fired);
        return fired;
    }
    void set_in(Slot slot, std::uint64_t ns) { wheel.set(slot, now + ns, now); }

    TimerWheel wheel;
    std::uint64_t now = 0;
};

TEST(TimerWheel, NothingPending) {
    Wheel wheel(4);
    EXPECT_EQ(wheel.wheel.next_ns(), 0u);
    EXPECT_EQ(wheel.wheel.deadline_ns(2), 0u);
    wheel.wheel.clear(2);
    EXPECT_TRUE(wheel.advance(start_ns + 10 * turn_ns).empty());
}

// From a bucket's very begin and from its end; near, far, and further than the wheel reaches.
TEST(TimerWheel, NeverEarlyAndAtMostOneBucketLate) {
    for (const std::uint64_t offset : {std::uint64_t{0}, bucket_ns / 2, bucket_ns - 1}) {
        for (const std::uint64_t ns :
             {std::uint64_t{1}, bucket_ns - 1, bucket_ns, bucket_ns + 1, 100 * bucket_ns, turn_ns - 2 * bucket_ns,
              turn_ns - bucket_ns, turn_ns, turn_ns + 1, 5 * turn_ns + 3 * bucket_ns}) {
            Wheel wheel(4);
            static_cast<void>(wheel.advance((start_ns / bucket_ns + 1) * bucket_ns + offset));
            const std::uint64_t deadline_ns = wheel.now + ns;
            wheel.set_in(1, ns);
            EXPECT_EQ(wheel.wheel.deadline_ns(1), deadline_ns);
            if (ns < turn_ns - bucket_ns) {
                EXPECT_GE(wheel.wheel.next_ns(), deadline_ns) << ns << ": within its reach it looks once";
            }
            for (int looks = 0; wheel.wheel.next_ns() <= deadline_ns; ++looks) {
                ASSERT_LT(looks, 10) << "it never comes nearer";
                ASSERT_GT(wheel.wheel.next_ns(), wheel.now);
                ASSERT_TRUE(wheel.advance(wheel.wheel.next_ns()).empty() || wheel.now >= deadline_ns) << ns << " early";
                if (wheel.wheel.deadline_ns(1) == 0) break;
            }
            if (wheel.wheel.deadline_ns(1) != 0) {
                ASSERT_LE(wheel.wheel.next_ns(), deadline_ns + bucket_ns) << ns << " late";
                ASSERT_EQ(wheel.advance(wheel.wheel.next_ns()), std::vector<Slot>{1}) << ns;
            }
            EXPECT_EQ(wheel.wheel.next_ns(), 0u);
        }
    }
}

TEST(TimerWheel, ADeadlineInThePastFiresNext) {
    Wheel wheel(4);
    wheel.wheel.set(1, start_ns - turn_ns, start_ns);
    EXPECT_LE(wheel.wheel.next_ns(), start_ns + bucket_ns);
    EXPECT_EQ(wheel.advance(start_ns + bucket_ns), std::vector<Slot>{1});
}

TEST(TimerWheel, SettingAgainMovesAndClearingRemoves) {
    Wheel wheel(4);
    wheel.set_in(1, 2 * bucket_ns);
    wheel.set_in(2, 2 * bucket_ns);
    wheel.set_in(3, 2 * bucket_ns);
    wheel.set_in(2, 8 * bucket_ns);
    wheel.wheel.clear(3);
    EXPECT_EQ(wheel.advance(start_ns + 4 * bucket_ns), std::vector<Slot>{1});
    EXPECT_EQ(wheel.advance(start_ns + 10 * bucket_ns), std::vector<Slot>{2});
    EXPECT_EQ(wheel.wheel.next_ns(), 0u);
}

// Whatever bucket a deadline lies in when the loop slept longer than the wheel's turn, it fires in that advance.
TEST(TimerWheel, ALongSleepFiresEverythingAtOnce) {
    for (const std::uint64_t slept_buckets : {1022u, 1023u, 1024u, 1025u, 1500u, 2047u, 2048u, 2049u, 100'000u}) {
        Wheel wheel(TimerWheel::buckets_count);
        std::vector<Slot> all;
        for (Slot slot = 0; slot < TimerWheel::buckets_count - 4; ++slot) {
            wheel.set_in(slot, (slot + 1) * bucket_ns);
            all.push_back(slot);
        }
        EXPECT_EQ(wheel.advance(start_ns + slept_buckets * bucket_ns), all) << slept_buckets;
        EXPECT_EQ(wheel.wheel.next_ns(), 0u) << slept_buckets;
    }
}

TEST(TimerWheel, ADeadlineMaySetItselfAgain) {
    TimerWheel wheel(1);
    std::uint64_t now = start_ns;
    wheel.set(0, now + bucket_ns, now);
    int fired_count = 0;
    for (int i = 0; i < 3000; ++i) {
        now += bucket_ns;
        wheel.advance(now, [&](Slot slot) {
            ++fired_count;
            wheel.set(slot, now + bucket_ns, now);
        });
    }
    EXPECT_GE(fired_count, 1000);
    EXPECT_LE(fired_count, 3000);
}

TEST(TimerWheel, BehavesLikeAMultimap) {
    const std::uint64_t seed = tests::test_seed();
    SCOPED_TRACE(tests::seed_trace(seed));
    std::cout << tests::seed_trace(seed) << "\n";
    std::mt19937_64 random(seed);
    constexpr std::size_t slots_count = 200;
    Wheel wheel(slots_count);
    std::multimap<std::uint64_t, Slot> model;
    const auto erase = [&model](Slot slot) {
        std::erase_if(model, [slot](const auto& entry) { return entry.second == slot; });
    };
    for (int step = 0; step < 20'000; ++step) {
        const auto slot = static_cast<Slot>(random() % slots_count);
        if (random() % 8 == 0) {
            wheel.wheel.clear(slot);
            erase(slot);
        } else {
            const std::uint64_t reach_ns = random() % 2 == 0 ? 20 * bucket_ns : 2 * turn_ns;
            const std::uint64_t deadline_ns = wheel.now + random() % reach_ns;
            wheel.wheel.set(slot, deadline_ns, wheel.now);
            erase(slot);
            model.emplace(deadline_ns, slot);
        }
        if (random() % 4 != 0) continue;
        const std::uint64_t slept_ns = random() % (random() % 50 == 0 ? 3 * turn_ns : 6 * bucket_ns);
        const std::uint64_t now_ns = wheel.now + slept_ns;
        for (const Slot fired : wheel.advance(now_ns)) {
            const auto entry = std::ranges::find(model, fired, [](const auto& pair) { return pair.second; });
            ASSERT_NE(entry, model.end()) << "step " << step << ": it was not set";
            ASSERT_LE(entry->first, now_ns) << "step " << step << ": early";
            model.erase(entry);
        }
        const std::uint64_t next_ns = wheel.wheel.next_ns();
        ASSERT_EQ(next_ns == 0, model.empty()) << "step " << step;
        if (model.empty()) continue;
        ASSERT_GT(next_ns, now_ns);
        ASSERT_LE(next_ns, model.begin()->first + 2 * bucket_ns) << "step " << step;
        ASSERT_GT(model.begin()->first + bucket_ns, now_ns) << "step " << step << ": late by more than a bucket";
    }
}

}  // namespace
}  // namespace sluice
