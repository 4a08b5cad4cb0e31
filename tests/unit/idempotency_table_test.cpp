// IdempotencyTable: claims, what becomes of keys, its bounds, and reactors that meet in it.
// runs: release asan tsan
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "engine/idempotency/idempotency_table.hpp"

namespace sluice {
namespace {

using Claimed = IdempotencyTable::Claimed;

constexpr std::uint64_t window_ns = 1000;
constexpr IdempotentAnswer one{AckLevel::stored, true, 1, 0};
constexpr IdempotentAnswer some{AckLevel::stored, false, 5, 2};

Fingerprint print_of(std::string_view body) { return fingerprint_of(7, "/telemetry", "", 0, body); }

IdempotencySettings settings(std::uint64_t keys_count_max) { return {keys_count_max, window_ns, 42}; }

// Claims a key that must be new, and answers it at once.
void store(IdempotencyTable& table, std::string_view key, std::uint64_t now_ns, const IdempotentAnswer& answer = one) {
    const auto claim = table.claim(key, print_of("b"), now_ns);
    ASSERT_EQ(claim.claimed, Claimed::fresh) << key;
    table.expect(claim.entry, answer, 1);
    table.settle(claim.entry, {}, now_ns);
}

TEST(IdempotencyTable, ARetryIsAnsweredAsTheFirst) {
    IdempotencyTable table(settings(10));
    store(table, "k", 1, some);
    const auto again = table.claim("k", print_of("b"), 2);
    EXPECT_EQ(again.claimed, Claimed::replay);
    EXPECT_EQ(again.answer, some);
    EXPECT_EQ(table.claim("k", print_of("other"), 2).claimed, Claimed::mismatch);
    EXPECT_EQ(table.claim("K", print_of("b"), 2).claimed, Claimed::fresh);
}

TEST(IdempotencyTable, InProgressUntilTheLastPartIsDecided) {
    IdempotencyTable table(settings(10));
    const auto first = table.claim("k", print_of("b"), 1);
    EXPECT_EQ(table.claim("k", print_of("b"), 1).claimed, Claimed::in_progress);
    EXPECT_EQ(table.claim("k", print_of("other"), 1).claimed, Claimed::mismatch);
    table.expect(first.entry, some, 2);
    table.settle(first.entry, {}, 2);
    // However long it takes: its samples may still be stored.
    EXPECT_EQ(table.claim("k", print_of("b"), 100 * window_ns).claimed, Claimed::in_progress);
    table.settle(first.entry, {}, 100 * window_ns);
    EXPECT_EQ(table.claim("k", print_of("b"), 100 * window_ns).claimed, Claimed::replay);
    EXPECT_EQ(table.figures().in_progress, 0u);
}

TEST(IdempotencyTable, WhatWasNotStoredMayBeTriedAgain) {
    IdempotencyTable table(settings(10));
    const auto refused = table.claim("k", print_of("b"), 1);
    table.expect(refused.entry, one, 1);
    table.settle(refused.entry, {.samples_refused = 1}, 2);
    const auto nothing = table.claim("k", print_of("another body is fine now"), 3);
    ASSERT_EQ(nothing.claimed, Claimed::fresh);
    table.forget(nothing.entry);
    EXPECT_EQ(table.figures().released_partly, 0u);
    const auto partly = table.claim("k", print_of("b"), 4);
    ASSERT_EQ(partly.claimed, Claimed::fresh);
    table.expect(partly.entry, some, 2);
    table.settle(partly.entry, {.samples_refused = 3}, 5);
    EXPECT_EQ(table.claim("k", print_of("b"), 5).claimed, Claimed::in_progress);
    table.settle(partly.entry, {}, 6);
    EXPECT_EQ(table.claim("k", print_of("b"), 6).claimed, Claimed::fresh);
    EXPECT_EQ(table.figures().released_partly, 1u);
}

TEST(IdempotencyTable, WhatLacksReplicasIsAnsweredAsStored) {
    IdempotencyTable table(settings(10));
    const auto first = table.claim("k", print_of("b"), 1);
    table.expect(first.entry, {.ack = AckLevel::replicated, .is_single = true, .accepted = 1, .rejected = 0}, 2);
    table.settle(first.entry, {.lacks_replicas = true}, 2);
    table.settle(first.entry, {}, 3);
    const auto retry = table.claim("k", print_of("b"), 4);
    ASSERT_EQ(retry.claimed, Claimed::replay);
    EXPECT_EQ(retry.answer.ack, AckLevel::stored);
}

TEST(IdempotencyTable, TheWindowBeginsWithTheAnswer) {
    IdempotencyTable table(settings(10));
    const auto slow = table.claim("slow", print_of("b"), 1);
    table.expect(slow.entry, one, 1);
    table.settle(slow.entry, {}, 500);
    EXPECT_EQ(table.claim("slow", print_of("b"), 500 + window_ns - 1).claimed, Claimed::replay);
    EXPECT_EQ(table.claim("slow", print_of("b"), 500 + window_ns).claimed, Claimed::fresh);
    EXPECT_EQ(table.figures().evicted_early, 0u);
}

TEST(IdempotencyTable, AFullTableForgetsTheOldestAnswerAndNeverWhatIsInProgress) {
    IdempotencyTable table(settings(3));
    const auto pinned = table.claim("pinned", print_of("b"), 1);
    store(table, "a", 2);
    store(table, "b", 3);
    store(table, "c", 4);  // forgets a
    EXPECT_EQ(table.figures().evicted_early, 1u);
    EXPECT_EQ(table.figures().keys, 3u);
    EXPECT_EQ(table.claim("b", print_of("b"), 5).claimed, Claimed::replay);
    EXPECT_EQ(table.claim("pinned", print_of("b"), 5).claimed, Claimed::in_progress);
    for (const std::string_view key : {"d", "e"}) EXPECT_EQ(table.claim(key, print_of("b"), 6).claimed, Claimed::fresh);
    EXPECT_EQ(table.claim("f", print_of("b"), 7).claimed, Claimed::full);
    EXPECT_EQ(table.figures().refused_full, 1u);
    table.forget(pinned.entry);
    EXPECT_EQ(table.claim("f", print_of("b"), 8).claimed, Claimed::fresh);
}

TEST(IdempotencyTable, HoldsAsManyAsItWasAskedTo) {
    constexpr std::uint64_t count = 65'536;
    IdempotencyTable table(settings(count));
    for (std::uint64_t i = 0; i < count; ++i) store(table, "key-" + std::to_string(i), 1);
    EXPECT_EQ(table.figures().keys, count);
    EXPECT_EQ(table.figures().evicted_early, 0u);
    for (std::uint64_t i = 0; i < count; ++i)
        ASSERT_EQ(table.claim("key-" + std::to_string(i), print_of("b"), 2).claimed, Claimed::replay);
}

TEST(IdempotencyTable, WhatIsOverMakesRoomUnaskedFor) {
    IdempotencyTable table(settings(100));
    for (int i = 0; i < 100; ++i) store(table, "old-" + std::to_string(i), 1);
    for (int i = 0; i < 100; ++i) store(table, "new-" + std::to_string(i), 1 + window_ns);
    EXPECT_EQ(table.figures().evicted_early, 0u);
    EXPECT_EQ(table.figures().keys, 100u);
}

TEST(Fingerprint, DependsOnEverythingThatDecidesWhatIsStored) {
    const Fingerprint base = fingerprint_of(1, "/telemetry", "ack=stored", 0, "body");
    EXPECT_EQ(base, fingerprint_of(1, "/telemetry", "ack=stored", 0, "body"));
    EXPECT_NE(base, fingerprint_of(1, "/telemetry", "ack=stored", 0, "bodY"));
    EXPECT_NE(base, fingerprint_of(1, "/telemetry", "ack=queued", 0, "body"));
    EXPECT_NE(base, fingerprint_of(1, "/telemetry", "ack=stored", 1, "body"));
    EXPECT_NE(base, fingerprint_of(1, "/telemetryack", "=stored", 0, "body"));
    EXPECT_NE(base, fingerprint_of(1, "/telemetry", "ack=storedbody", 0, ""));
    EXPECT_NE(base, fingerprint_of(2, "/telemetry", "ack=stored", 0, "body"));
}

// Each key is claimed by several threads at once, and stored by exactly one of them.
TEST(IdempotencyTable, ReactorsMeet) {
    constexpr int threads_count = 4;
    constexpr int keys_count = 20'000;
    IdempotencyTable table(settings(1 << 16));
    std::vector<std::atomic<int>> stored(keys_count);
    std::vector<std::thread> threads;
    for (int t = 0; t < threads_count; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < keys_count; ++i) {
                const auto claim = table.claim("k" + std::to_string(i), print_of("b"), 1);
                if (claim.claimed != Claimed::fresh) continue;
                ++stored[static_cast<std::size_t>(i)];
                table.expect(claim.entry, one, 1);
                table.settle(claim.entry, {}, 1);
            }
        });
    for (std::thread& thread : threads) thread.join();
    for (const auto& count : stored) ASSERT_EQ(count, 1);
    EXPECT_EQ(table.figures().replayed + table.figures().conflicts, (threads_count - 1) * std::uint64_t{keys_count});
}

}  // namespace
}  // namespace sluice
