// BatchPool: all batches of one reactor, made at start. One owner thread.
//
// The last batch given back is taken first (its arena is warm); pages are touched only as load asks for them.
// An empty pool is the engine's back-pressure: the request that finds it is refused with 503.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/core/batch.hpp"
#include "engine/core/lazy_array.hpp"

namespace sluice {

class BatchPool {
  public:
    BatchPool(std::size_t batches_count, std::size_t arena_bytes, std::uint16_t reactor_index)
        : batches_(batches_count),
          arenas_(batches_count * arena_bytes),
          arena_bytes_(arena_bytes),
          reactor_index_(reactor_index) {}

    // Null when every batch is in use.
    [[nodiscard]] Batch* take() {
        Batch* batch = free_;
        if (batch != nullptr) {
            free_ = batch->next;
            batch->clear();
        } else {
            if (touched_count_ == batches_.size()) return nullptr;
            batch = &batches_[touched_count_];
            batch->bind({&arenas_[touched_count_ * arena_bytes_], arena_bytes_}, reactor_index_);
            ++touched_count_;
        }
        ++in_use_count_;
        return batch;
    }

    void give_back(Batch* batch) {
        CHECK(in_use_count_ != 0);
        --in_use_count_;
        batch->next = free_;
        free_ = batch;
    }

    [[nodiscard]] std::size_t in_use_count() const { return in_use_count_; }
    [[nodiscard]] std::size_t count() const { return batches_.size(); }

  private:
    LazyArray<Batch> batches_;
    LazyArray<char> arenas_;
    std::size_t arena_bytes_;
    Batch* free_ = nullptr;
    std::size_t touched_count_ = 0;
    std::size_t in_use_count_ = 0;
    std::uint16_t reactor_index_;
};

}  // namespace sluice
