#include "engine/idempotency/idempotency_shard.hpp"

#include <bit>
#include <cstring>
#include <utility>

namespace sluice {

IdempotencyTable::Shard::Shard(std::uint32_t keys_count_max)
    : entries_(keys_count_max + std::size_t{1}), buckets_(std::bit_ceil(std::size_t{keys_count_max})) {}

IdempotencyTable::Index IdempotencyTable::Shard::find(std::uint64_t hash, std::string_view key) {
    Index index = buckets_[bucket_of(hash)];
    while (index != 0 && std::string_view(entries_[index].key.data(), entries_[index].key_bytes) != key)
        index = entries_[index].chain;
    return index;
}

IdempotencyTable::Index IdempotencyTable::Shard::insert(std::uint64_t hash, std::string_view key) {
    if (free_ == 0 && touched_count_ + 1 == entries_.size()) {
        if (oldest_ == 0) return 0;
        ++figures.evicted_early;  // those whose window is over were removed before
        remove(oldest_);
    }
    const Index index = free_ != 0 ? std::exchange(free_, entries_[free_].chain) : ++touched_count_;
    Entry& entry = entries_[index];
    CHECK(entry.state == State::free && key.size() <= entry.key.size());
    entry.state = State::in_progress;
    entry.bucket = bucket_of(hash);
    entry.chain = std::exchange(buckets_[entry.bucket], index);
    entry.key_bytes = static_cast<std::uint8_t>(key.size());
    std::memcpy(entry.key.data(), key.data(), key.size());
    entry.parts_count = entry.samples_refused = 0;
    ++figures.keys;
    ++figures.in_progress;
    return index;
}

void IdempotencyTable::Shard::answer(Index index, std::uint64_t now_ns) {
    Entry& entry = entries_[index];
    CHECK(entry.state == State::in_progress);
    entry.state = State::answered;
    entry.answered_ns = now_ns;
    entry.older = newest_;
    entry.newer = 0;
    (newest_ != 0 ? entries_[newest_].newer : oldest_) = index;
    newest_ = index;
    --figures.in_progress;
}

void IdempotencyTable::Shard::unlink_answered(Index index) {
    const Entry& entry = entries_[index];
    (entry.older != 0 ? entries_[entry.older].newer : oldest_) = entry.newer;
    (entry.newer != 0 ? entries_[entry.newer].older : newest_) = entry.older;
}

void IdempotencyTable::Shard::remove(Index index) {
    Entry& entry = entries_[index];
    CHECK(entry.state != State::free);
    if (entry.state == State::answered) unlink_answered(index);
    if (entry.state == State::in_progress) --figures.in_progress;
    --figures.keys;
    Index* link = &buckets_[entry.bucket];
    while (*link != index) link = &entries_[*link].chain;
    *link = entry.chain;
    entry.state = State::free;
    entry.chain = std::exchange(free_, index);
}

void IdempotencyTable::Shard::expire(std::uint64_t now_ns, std::uint64_t window_ns) {
    for (int i = 0; i < expired_per_claim_count_max && oldest_ != 0; ++i) {
        if (now_ns < entries_[oldest_].answered_ns + window_ns) return;
        remove(oldest_);
    }
}

}  // namespace sluice
