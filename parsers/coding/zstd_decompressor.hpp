// ZstdDecompressor: zstd, by libzstd, in memory that is mapped at start; pages cost nothing until a body needs them.
// The thread of its owner.
#pragma once

#include <memory>

#include "engine/core/lazy_array.hpp"
#include "parsers/coding/decompressor.hpp"

namespace sluice::parsers {

class ZstdDecompressor final : public Decompressor {
  public:
    ZstdDecompressor();

    void start(std::string_view body) override;
    [[nodiscard]] Promise promise() const override;
    [[nodiscard]] Progress step(std::span<char> text, std::size_t written_bytes) override;

  private:
    LazyArray<char> memory_;
    void* const context_;  // ZSTD_DCtx, in memory_
    std::string_view body_;
    std::size_t read_bytes_ = 0;  // bytes of body_
    std::uint32_t frames_count_ = 0;
};

}  // namespace sluice::parsers
