#include "tools/load/run/compressor.hpp"

#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <vector>

#include "engine/core/check.hpp"

namespace sluice::load {
namespace {

// zlib.h, deflateInit2: zlib's header, and with 16 more gzip's.
constexpr int zlib_window_bits = 15, gzip_window_bits = zlib_window_bits + 16;
constexpr std::size_t gzip_surplus_bytes = 128;

// One zlib stream, reset for each body: deflate allocates only in deflateInit2.
class Deflater final : public Compressor {
  public:
    Deflater(std::size_t text_bytes_max, int window_bits) : body_(compressBound(text_bytes_max) + gzip_surplus_bytes) {
        CHECK(deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    }
    ~Deflater() override { deflateEnd(&stream_); }

    std::string_view compress(std::string_view text) override {
        CHECK(deflateReset(&stream_) == Z_OK);
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
        stream_.avail_in = static_cast<uInt>(text.size());
        stream_.next_out = reinterpret_cast<Bytef*>(body_.data());
        stream_.avail_out = static_cast<uInt>(body_.size());
        CHECK(deflate(&stream_, Z_FINISH) == Z_STREAM_END);
        return {body_.data(), body_.size() - stream_.avail_out};
    }
    [[nodiscard]] std::size_t bytes_max() const override { return body_.size(); }

  private:
    z_stream stream_{};
    std::vector<char> body_;
};

class ZstdCompressor final : public Compressor {
  public:
    explicit ZstdCompressor(std::size_t text_bytes_max)
        : context_(ZSTD_createCCtx()), body_(ZSTD_compressBound(text_bytes_max)) {
        CHECK(context_ != nullptr);
    }
    ~ZstdCompressor() override { ZSTD_freeCCtx(context_); }

    std::string_view compress(std::string_view text) override {
        const std::size_t bytes =
            ZSTD_compressCCtx(context_, body_.data(), body_.size(), text.data(), text.size(), ZSTD_CLEVEL_DEFAULT);
        CHECK(ZSTD_isError(bytes) == 0);
        return {body_.data(), bytes};
    }
    [[nodiscard]] std::size_t bytes_max() const override { return body_.size(); }

  private:
    ZSTD_CCtx* const context_;
    std::vector<char> body_;
};

class SnappyCompressor final : public Compressor {
  public:
    explicit SnappyCompressor(std::size_t text_bytes_max) : body_(snappy::MaxCompressedLength(text_bytes_max)) {}

    std::string_view compress(std::string_view text) override {
        std::size_t bytes = 0;
        snappy::RawCompress(text.data(), text.size(), body_.data(), &bytes);
        return {body_.data(), bytes};
    }
    [[nodiscard]] std::size_t bytes_max() const override { return body_.size(); }

  private:
    std::vector<char> body_;
};

}  // namespace

std::unique_ptr<Compressor> make_compressor(ContentCoding coding, std::size_t text_bytes_max) {
    switch (coding) {
        case ContentCoding::gzip: return std::make_unique<Deflater>(text_bytes_max, gzip_window_bits);
        case ContentCoding::deflate: return std::make_unique<Deflater>(text_bytes_max, zlib_window_bits);
        case ContentCoding::zstd: return std::make_unique<ZstdCompressor>(text_bytes_max);
        case ContentCoding::snappy: return std::make_unique<SnappyCompressor>(text_bytes_max);
        case ContentCoding::identity:
        case ContentCoding::snappy_framed: break;
    }
    return nullptr;
}

}  // namespace sluice::load
