// IdempotencyTable::Shard: the keys of one hash range. Any thread, while it holds `mutex`.
#pragma once

#include "engine/core/cache_line.hpp"
#include "engine/idempotency/idempotency_table.hpp"

namespace sluice {

class alignas(cache_line_bytes) IdempotencyTable::Shard {
  public:
    explicit Shard(std::uint32_t keys_count_max);

    // The entry of the key, or 0.
    [[nodiscard]] Index find(std::uint64_t hash, std::string_view key);
    // A new entry, in progress; 0 if all are in progress. May evict the oldest answer.
    [[nodiscard]] Index insert(std::uint64_t hash, std::string_view key);
    void answer(Index index, std::uint64_t now_ns);
    void remove(Index index);
    // Removes some of the answers whose window is over: more than a claim can add, so that none stay for ever.
    void expire(std::uint64_t now_ns, std::uint64_t window_ns);

    [[nodiscard]] Entry& operator[](Index index) { return entries_[index]; }

    std::mutex mutex;
    Figures figures;

  private:
    static constexpr int expired_per_claim_count_max = 8;

    [[nodiscard]] std::uint32_t bucket_of(std::uint64_t hash) const {
        return static_cast<std::uint32_t>(hash & (buckets_.size() - 1));
    }
    void unlink_answered(Index index);

    LazyArray<Entry> entries_;  // [0] is not used
    LazyArray<Index> buckets_;  // the first of each chain
    Index free_ = 0;
    Index touched_count_ = 0;
    Index oldest_ = 0;          // of the answered
    Index newest_ = 0;
};

}  // namespace sluice
