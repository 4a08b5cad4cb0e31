#include "engine/http/block_pool.hpp"

#include <algorithm>
#include <cstring>

#include "engine/core/check.hpp"

namespace sluice::http {

OutputBlock* BlockPool::take() {
    OutputBlock* block = free_;
    if (block != nullptr) {
        free_ = block->next;
    } else {
        if (touched_count_ == blocks_.size()) return nullptr;
        block = &blocks_[touched_count_++];
    }
    ++in_use_count_;
    block->next = nullptr;
    block->end = block->responses_count = 0;
    return block;
}

void BlockPool::give_back(OutputBlock* block) {
    CHECK(in_use_count_ > 0);
    --in_use_count_;
    block->next = free_;
    free_ = block;
}

bool Output::append(BlockPool& pool, std::string_view text) {
    while (!text.empty()) {
        if (last == nullptr || last->end == OutputBlock::capacity_bytes) {
            OutputBlock* block = pool.take();
            if (block == nullptr) return false;
            (last == nullptr ? first : last->next) = block;
            last = block;
        }
        const std::size_t count = std::min(text.size(), OutputBlock::capacity_bytes - last->end);
        std::memcpy(last->data + last->end, text.data(), count);
        last->end += static_cast<std::uint32_t>(count);
        bytes += count;
        text.remove_prefix(count);
    }
    return true;
}

void Output::splice(BlockPool& pool, Output& tail) {
    if (tail.empty()) return;
    if (last != nullptr && tail.first == tail.last && tail.bytes <= OutputBlock::capacity_bytes - last->end) {
        std::memcpy(last->data + last->end, tail.first->data, tail.bytes);
        last->end += static_cast<std::uint32_t>(tail.bytes);
        bytes += tail.bytes;
        return tail.clear(pool);
    }
    (last == nullptr ? first : last->next) = tail.first;
    last = tail.last;
    bytes += tail.bytes;
    tail.first = tail.last = nullptr;
    tail.bytes = 0;
}

OutputBlock* Output::take_first() {
    OutputBlock* block = first;
    bytes -= block->end;
    first = block->next;
    if (first == nullptr) last = nullptr;
    return block;
}

void Output::clear(BlockPool& pool) {
    while (first != nullptr) pool.give_back(take_first());
}

}  // namespace sluice::http
