#include "parsers/coding/zstd_decompressor.hpp"

#define ZSTD_STATIC_LINKING_ONLY  // ZSTD_initStaticDCtx(): memory of our own
#include <zstd.h>

#include <algorithm>

#include "engine/core/check.hpp"

namespace sluice::parsers {
namespace {

// RFC 9659 section 3: of a body with this content coding.
constexpr int window_bits_max = 23;
constexpr std::size_t window_bytes_max = std::size_t{1} << window_bits_max;
// What is read at once: blocks without text are 3 bytes long.
constexpr std::size_t zstd_slice_bytes = std::size_t{32} * 1024;

ZSTD_DCtx* context_of(void* context) { return static_cast<ZSTD_DCtx*>(context); }

}  // namespace

ZstdDecompressor::ZstdDecompressor()
    : memory_(::ZSTD_estimateDStreamSize(window_bytes_max)),
      context_(::ZSTD_initStaticDCtx(&memory_[0], memory_.size())) {
    CHECK(context_ != nullptr);
    CHECK(::ZSTD_isError(::ZSTD_DCtx_setParameter(context_of(context_), ZSTD_d_windowLogMax, window_bits_max)) == 0);
}

void ZstdDecompressor::start(std::string_view body) {
    body_ = body;
    read_bytes_ = 0;
    frames_count_ = 0;
    CHECK(::ZSTD_isError(::ZSTD_DCtx_reset(context_of(context_), ZSTD_reset_session_only)) == 0);
}

// The first frame's content size, which many frames have, and which the library checks. 0 of a skippable one.
Decompressor::Promise ZstdDecompressor::promise() const {
    const unsigned long long bytes = ::ZSTD_getFrameContentSize(body_.data(), body_.size());
    if (bytes == ZSTD_CONTENTSIZE_UNKNOWN || bytes == ZSTD_CONTENTSIZE_ERROR) return {};
    return {.text_bytes = bytes, .is_least = true};
}

// Where a short frame lies whole in the input and its text fits into the room, the library writes it there at once;
// else by way of its window.
Decompressor::Progress ZstdDecompressor::step(std::span<char> text, std::size_t written_bytes) {
    const bool is_short = body_.size() - read_bytes_ <= zstd_slice_bytes;
    const std::size_t room_bytes = std::min(text.size() - written_bytes, is_short ? short_text_bytes : step_text_bytes);
    ZSTD_inBuffer in{body_.data() + read_bytes_, std::min(body_.size() - read_bytes_, zstd_slice_bytes), 0};
    ZSTD_outBuffer out{text.data() + written_bytes, room_bytes, 0};
    const std::size_t result = ::ZSTD_decompressStream(context_of(context_), &out, &in);
    read_bytes_ += in.pos;
    written_bytes += out.pos;
    if (::ZSTD_isError(result) != 0) return {State::refused, written_bytes};
    const bool is_all_read = read_bytes_ == body_.size();
    if (result == 0) {  // the end of a frame
        if (++frames_count_ > members_count_max) return {State::refused, written_bytes};
        return {is_all_read ? State::end : State::more, written_bytes};
    }
    if (written_bytes == text.size()) return {State::full, written_bytes};
    const bool is_cut_off = is_all_read && out.pos < out.size;
    return {is_cut_off ? State::refused : State::more, written_bytes};
}

}  // namespace sluice::parsers
