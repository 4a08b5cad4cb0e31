#include "engine/tls/cipher_blocks.hpp"

#include <algorithm>
#include <cstring>

#include "engine/core/check.hpp"

namespace sluice::tls {

static_assert(sizeof(CipherBlock) == limits::cipher_block_bytes);
// Of what is sent at once, with the header, the explicit nonce of TLS 1.2, the type of TLS 1.3, and the tag.
static_assert(CipherBlock::capacity_bytes >= limits::output_block_bytes + 5 + 8 + 1 + 16);

CipherBlock* CipherPool::take() {
    CipherBlock* block = free_;
    if (block != nullptr) {
        free_ = block->next;
    } else {
        if (touched_count_ == blocks_.size()) return nullptr;
        block = &blocks_[touched_count_++];
    }
    ++in_use_count_;
    block->next = nullptr;
    block->end = 0;
    return block;
}

void CipherPool::give_back(CipherBlock* block) {
    CHECK(in_use_count_ > 0);
    --in_use_count_;
    block->next = free_;
    free_ = block;
}

bool CipherOutput::append(CipherPool& pool, std::span<const char> bytes) {
    while (!bytes.empty()) {
        if (last_ == nullptr || last_->end == CipherBlock::capacity_bytes) {
            CipherBlock* block = blocks_count_ == blocks_count_max ? nullptr : pool.take();
            if (block == nullptr) return false;
            ++blocks_count_;
            (last_ == nullptr ? first_ : last_->next) = block;
            last_ = block;
        }
        const std::size_t count = std::min(bytes.size(), CipherBlock::capacity_bytes - last_->end);
        std::memcpy(last_->data + last_->end, bytes.data(), count);
        last_->end += static_cast<std::uint32_t>(count);
        bytes = bytes.subspan(count);
    }
    return true;
}

CipherBlock* CipherOutput::take_first() {
    CHECK(first_ != nullptr);
    CipherBlock* block = first_;
    first_ = block->next;
    if (first_ == nullptr) last_ = nullptr;
    --blocks_count_;
    return block;
}

void CipherOutput::clear(CipherPool& pool) {
    while (first_ != nullptr) pool.give_back(take_first());
}

}  // namespace sluice::tls
