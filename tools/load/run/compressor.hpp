// Compressor: bodies in a content coding, one after another, as clients compress them by default: gzip and deflate by
// zlib (level 6), zstd (level 3), Snappy blocks. The load thread that made it.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "engine/core/content_coding.hpp"

namespace sluice::load {

class Compressor {
  public:
    Compressor() = default;
    virtual ~Compressor() = default;
    Compressor(const Compressor&) = delete;
    Compressor& operator=(const Compressor&) = delete;

    // Valid until the next call. `text` has at most the bytes that the compressor was made for.
    [[nodiscard]] virtual std::string_view compress(std::string_view text) = 0;
    // No result is longer.
    [[nodiscard]] virtual std::size_t bytes_max() const = 0;
};

// Null for identity. snappy_framed is not written.
[[nodiscard]] std::unique_ptr<Compressor> make_compressor(ContentCoding coding, std::size_t text_bytes_max);

}  // namespace sluice::load
