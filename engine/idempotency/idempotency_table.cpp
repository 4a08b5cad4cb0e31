#include "engine/idempotency/idempotency_table.hpp"

#include <algorithm>
#include <bit>

#include "engine/idempotency/idempotency_shard.hpp"

namespace sluice {
namespace {

// Enough that reactors seldom meet, few enough that hashing fills shards evenly.
constexpr std::uint64_t shards_count_max = 64;
constexpr std::uint64_t keys_per_shard_min = 1024;

std::uint64_t shards_count_of(std::uint64_t keys_count_max) {
    return std::clamp<std::uint64_t>(std::bit_floor(keys_count_max / keys_per_shard_min), 1, shards_count_max);
}

// Several shards never fill at the same time: each has room for an eighth more than its share, 4 standard deviations of
// 1024 keys, so that the table as a whole holds what it was asked to.
std::uint32_t shard_keys_count(std::uint64_t keys_count_max) {
    const std::uint64_t shards_count = shards_count_of(keys_count_max);
    const std::uint64_t share = (keys_count_max + shards_count - 1) / shards_count;
    return static_cast<std::uint32_t>(shards_count == 1 ? share : share + share / 8);
}

}  // namespace

IdempotencyTable::IdempotencyTable(const IdempotencySettings& settings)
    : settings_(settings), shard_keys_count_max_(shard_keys_count(settings.keys_count_max)) {
    CHECK(settings.keys_count_max != 0 && settings.keys_count_max <= limits::idempotency_keys_count_max);
    shards_.resize(shards_count_of(settings.keys_count_max));
    for (auto& shard : shards_) shard = std::make_unique<Shard>(shard_keys_count_max_);
}

IdempotencyTable::~IdempotencyTable() = default;

IdempotencyTable::Place IdempotencyTable::place_of(std::uint32_t entry) {
    const std::uint32_t stride = shard_keys_count_max_ + 1;
    CHECK(entry / stride < shards_.size());
    return {*shards_[entry / stride], entry % stride};
}

IdempotencyTable::Claim IdempotencyTable::claim(std::string_view key, const Fingerprint& fingerprint,
                                                std::uint64_t now_ns) {
    const std::uint64_t hash = hash_of(settings_.seed, key);
    const std::size_t number = (hash >> 32) & (shards_.size() - 1);
    Shard& shard = *shards_[number];
    const std::scoped_lock lock(shard.mutex);
    shard.expire(now_ns, settings_.window_ns);
    Index index = shard.find(hash, key);
    if (index != 0 && shard[index].state == State::answered &&
        now_ns >= shard[index].answered_ns + settings_.window_ns) {
        shard.remove(index);
        index = 0;
    }
    if (index != 0) {
        const Entry& entry = shard[index];
        if (entry.fingerprint != fingerprint) {
            ++shard.figures.mismatches;
            return {Claimed::mismatch};
        }
        if (entry.state == State::in_progress) {
            ++shard.figures.conflicts;
            return {Claimed::in_progress};
        }
        ++shard.figures.replayed;
        return {Claimed::replay, 0, entry.answer};
    }
    index = shard.insert(hash, key);
    if (index == 0) {
        ++shard.figures.refused_full;
        return {Claimed::full};
    }
    shard[index].fingerprint = fingerprint;
    return {Claimed::fresh, static_cast<std::uint32_t>(number * (shard_keys_count_max_ + 1) + index)};
}

bool IdempotencyTable::knows(std::string_view key) {
    const std::uint64_t hash = hash_of(settings_.seed, key);
    Shard& shard = *shards_[(hash >> 32) & (shards_.size() - 1)];
    const std::scoped_lock lock(shard.mutex);
    return shard.find(hash, key) != 0;
}

void IdempotencyTable::expect(std::uint32_t entry, const IdempotentAnswer& answer, std::uint32_t parts_count) {
    CHECK(parts_count != 0);
    const auto [shard, index] = place_of(entry);
    const std::scoped_lock lock(shard.mutex);
    CHECK(shard[index].state == State::in_progress && shard[index].parts_count == 0);
    shard[index].answer = answer;
    shard[index].parts_count = parts_count;
}

void IdempotencyTable::settle(std::uint32_t entry, const Outcome& outcome, std::uint64_t now_ns) {
    const auto [shard, index] = place_of(entry);
    const std::scoped_lock lock(shard.mutex);
    Entry& settled = shard[index];
    CHECK(settled.state == State::in_progress && settled.parts_count != 0);
    settled.samples_refused += outcome.samples_refused;
    if (outcome.lacks_replicas) settled.answer.ack = AckLevel::stored;
    if (--settled.parts_count != 0) return;
    if (settled.samples_refused == 0) return shard.answer(index, now_ns);
    if (settled.samples_refused < settled.answer.accepted) ++shard.figures.released_partly;
    shard.remove(index);
}

void IdempotencyTable::forget(std::uint32_t entry) {
    const auto [shard, index] = place_of(entry);
    const std::scoped_lock lock(shard.mutex);
    CHECK(shard[index].state == State::in_progress && shard[index].parts_count == 0);
    shard.remove(index);
}

IdempotencyTable::Figures IdempotencyTable::figures() const {
    Figures total;
    for (const auto& shard : shards_) {
        const std::scoped_lock lock(shard->mutex);
        const Figures& figures = shard->figures;
        total.keys += figures.keys;
        total.in_progress += figures.in_progress;
        total.replayed += figures.replayed;
        total.conflicts += figures.conflicts;
        total.mismatches += figures.mismatches;
        total.evicted_early += figures.evicted_early;
        total.refused_full += figures.refused_full;
        total.released_partly += figures.released_partly;
    }
    return total;
}

}  // namespace sluice
