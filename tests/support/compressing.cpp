#include "tests/support/compressing.hpp"

#include <snappy.h>
#define ZSTD_STATIC_LINKING_ONLY  // ZSTD_writeSkippableFrame()
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <random>

#include "engine/core/check.hpp"
#include "engine/core/crc32c.hpp"

namespace sluice::tests {
namespace {

// zlib.h: 15 is its header with a window of 32 KiB, + 16 gzip's, negative none.
std::string deflated(std::string_view text, int level, int window_bits) {
    z_stream stream{};
    CHECK(deflateInit2(&stream, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(deflateBound(&stream, text.size()) + 32, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string zstd_compressed(std::string_view text, int level) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    const std::size_t bytes = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), level);
    CHECK(ZSTD_isError(bytes) == 0);
    out.resize(bytes);
    return out;
}

std::string snappy_compressed(std::string_view text) {
    std::string out;
    snappy::Compress(text.data(), text.size(), &out);
    return out;
}

std::string snappy_framed(std::string_view text) {
    std::string out("\xff\x06\x00\x00sNaPpY", 10);
    const auto number = [&out](std::size_t value, int bytes) {
        for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
    };
    for (std::size_t at = 0; at < text.size(); at += 65536) {
        const std::string_view part = text.substr(at, 65536);
        const std::string small = snappy_compressed(part);
        const bool is_small = small.size() < part.size();
        const std::string_view data = is_small ? std::string_view(small) : part;
        const std::uint32_t checksum = crc32c(part);
        out += is_small ? '\x00' : '\x01';
        number(data.size() + 4, 3);
        number(((checksum >> 15) | (checksum << 17)) + 0xa282ead8U, 4);
        out += data;
    }
    return out;
}

}  // namespace

std::string compressed(ContentCoding coding, std::string_view text, int level) {
    switch (coding) {
        case ContentCoding::identity: return std::string(text);
        case ContentCoding::gzip: return deflated(text, level, 15 + 16);
        case ContentCoding::deflate: return deflated(text, level, 15);
        case ContentCoding::zstd: return zstd_compressed(text, level);
        case ContentCoding::snappy: return snappy_compressed(text);
        case ContentCoding::snappy_framed: return snappy_framed(text);
    }
    return {};
}

std::string raw_deflated(std::string_view text) { return deflated(text, 3, -15); }

std::string streamed_zstd(std::string_view text, int window_bits) {
    ZSTD_CCtx* const context = ZSTD_createCCtx();
    if (window_bits != 0) ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_bits);
    std::string out(ZSTD_compressBound(text.size()) + 64, '\0');
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    ZSTD_inBuffer from{text.data(), text.size(), 0};
    CHECK(ZSTD_isError(ZSTD_compressStream2(context, &to, &from, ZSTD_e_flush)) == 0);
    CHECK(ZSTD_compressStream2(context, &to, &from, ZSTD_e_end) == 0);
    ZSTD_freeCCtx(context);
    out.resize(to.pos);
    return out;
}

std::string skippable_frame(std::string_view content) {
    std::string out(content.size() + 8, '\0');
    CHECK(ZSTD_writeSkippableFrame(out.data(), out.size(), content.data(), content.size(), 3) == out.size());
    return out;
}

std::string telemetry_lines(std::size_t count) {
    std::mt19937 random(17);
    std::string lines;
    for (std::size_t i = 0; i < count; ++i) {
        lines += R"({"device_id":"sensor-)" + std::to_string(random() % 500) + R"(","type":"temperature","value":)" +
                 std::to_string(random() % 40) + "." + std::to_string(random() % 100) +
                 R"(,"unit":"celsius","timestamp":)" + std::to_string(1'700'000'000'000 + 7 * i + random() % 7) + "}\n";
    }
    return lines;
}

}  // namespace sluice::tests
