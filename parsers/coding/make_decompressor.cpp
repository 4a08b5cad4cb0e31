#include "parsers/coding/decompressor.hpp"
#include "parsers/coding/inflater.hpp"
#include "parsers/coding/snappy_decompressor.hpp"
#include "parsers/coding/zstd_decompressor.hpp"

namespace sluice::parsers {

std::unique_ptr<Decompressor> make_decompressor(ContentCoding coding) {
    switch (coding) {
        case ContentCoding::identity: return nullptr;
        case ContentCoding::gzip:
        case ContentCoding::deflate: return std::make_unique<Inflater>(coding);
        case ContentCoding::zstd: return std::make_unique<ZstdDecompressor>();
        case ContentCoding::snappy: return std::make_unique<SnappyBlock>();
        case ContentCoding::snappy_framed: return std::make_unique<SnappyFrames>();
    }
    return nullptr;
}

}  // namespace sluice::parsers
