#include "parsers/coding/snappy_decompressor.hpp"

#include <snappy.h>

#include <algorithm>
#include <cstring>

#include "engine/core/crc32c.hpp"

namespace sluice::parsers {
namespace {

// What one step reads at most: an element can be 1 byte long.
constexpr std::size_t snappy_slice_bytes = std::size_t{32} * 1024;

// `bytes` of `text`, little endian, at most 4. Precondition: they are there.
std::size_t number_at(std::string_view text, std::size_t offset, std::size_t bytes) {
    std::size_t number = 0;
    for (std::size_t i = 0; i < bytes; ++i)
        number |= std::size_t{static_cast<unsigned char>(text[offset + i])} << (8 * i);
    return number;
}

}  // namespace

// --- a block -------------------------------------------------------------------------------------------------------

void SnappyBlock::start(std::string_view body) {
    body_ = body;
    read_bytes_ = 0;
    left_bytes_ = distance_bytes_ = 0;
    text_bytes_ = 0;
    has_length_ = read_length();
}

// A base-128 varint of at most 32 bits.
bool SnappyBlock::read_length() {
    for (std::size_t shift_bits = 0; shift_bits < 35 && read_bytes_ < body_.size(); shift_bits += 7) {
        const auto byte = static_cast<unsigned char>(body_[read_bytes_++]);
        text_bytes_ |= std::size_t{byte & 0x7fU} << shift_bits;
        if ((byte & 0x80) == 0) return text_bytes_ <= 0xffff'ffff;
    }
    return false;
}

Decompressor::Progress SnappyBlock::step(std::span<char> text, std::size_t written_bytes) {
    if (!has_length_) return {State::refused, written_bytes};
    if (text.size() < text_bytes_) return {State::full, written_bytes};
    const bool is_short = text_bytes_ <= short_text_bytes && body_.size() <= short_text_bytes;
    return written_bytes == 0 && is_short ? at_once(text, written_bytes) : in_parts(text, written_bytes);
}

Decompressor::Progress SnappyBlock::at_once(std::span<char> text, std::size_t written_bytes) {
    const bool is_whole = ::snappy::RawUncompress(body_.data(), body_.size(), text.data());
    if (!is_whole) return {State::refused, written_bytes};
    return {State::end, text_bytes_};
}

Decompressor::Progress SnappyBlock::in_parts(std::span<char> text, std::size_t written_bytes) {
    const std::size_t read_until = read_bytes_ + snappy_slice_bytes;
    const std::size_t write_until = std::min(written_bytes + step_text_bytes, text_bytes_);
    text = text.first(text_bytes_);
    while (read_bytes_ < read_until) {  // ends: each turn takes an element off the body, or returns
        if (left_bytes_ == 0) {
            if (read_bytes_ == body_.size())
                return {written_bytes == text_bytes_ ? State::end : State::refused, written_bytes};
            if (!read_element()) return {State::refused, written_bytes};
        }
        if (left_bytes_ > text.size() - written_bytes) return {State::refused, written_bytes};
        if (distance_bytes_ > written_bytes) return {State::refused, written_bytes};
        written_bytes = write(text, written_bytes, write_until - written_bytes);
        if (left_bytes_ != 0) break;
    }
    return {State::more, written_bytes};
}

// False: it is cut off, or copies from nowhere.
bool SnappyBlock::read_element() {
    const auto tag = static_cast<unsigned char>(body_[read_bytes_++]);
    const std::size_t here = body_.size() - read_bytes_;
    const unsigned kind = tag & 3U;
    if (kind == 0) {
        const std::size_t length_bytes = tag >> 2 < 60 ? 0 : (tag >> 2) - 59;
        if (here < length_bytes) return false;
        left_bytes_ = (length_bytes == 0 ? tag >> 2 : number_at(body_, read_bytes_, length_bytes)) + 1;
        read_bytes_ += length_bytes;
        distance_bytes_ = 0;
        return left_bytes_ <= body_.size() - read_bytes_;
    }
    const std::size_t distance_bytes = kind == 3 ? 4 : kind;
    if (here < distance_bytes) return false;
    distance_bytes_ = number_at(body_, read_bytes_, distance_bytes);
    read_bytes_ += distance_bytes;
    left_bytes_ = (tag >> 2) + 1;
    if (kind == 1) {
        left_bytes_ = ((tag >> 2) & 7U) + 4;
        distance_bytes_ |= std::size_t{tag & 0xe0U} << 3;
    }
    return distance_bytes_ != 0;
}

// Of the element, up to `bytes_max`. Returns the new `written_bytes`.
std::size_t SnappyBlock::write(std::span<char> text, std::size_t written_bytes, std::size_t bytes_max) {
    const std::size_t bytes = std::min(left_bytes_, bytes_max);
    char* const to = text.data() + written_bytes;
    if (distance_bytes_ == 0) {
        std::memcpy(to, body_.data() + read_bytes_, bytes);
        read_bytes_ += bytes;
    } else if (distance_bytes_ >= bytes) {
        std::memcpy(to, to - distance_bytes_, bytes);
    } else {  // what it copies is written by itself
        for (std::size_t i = 0; i < bytes; ++i) to[i] = *(to + i - distance_bytes_);
    }
    left_bytes_ -= bytes;
    return written_bytes + bytes;
}

// --- the framing format ----------------------------------------------------------------------------------------------

namespace {

constexpr std::size_t chunk_header_bytes = 4;  // its kind, and the length of the rest
constexpr std::size_t checksum_bytes = 4;
constexpr std::size_t chunk_text_bytes_max = 65536;
constexpr unsigned compressed_chunk = 0x00, plain_chunk = 0x01, stream_identifier_chunk = 0xff;
// Chunks that bring no text and may be passed over.
constexpr unsigned skippable_chunk_min = 0x80;
constexpr int chunks_per_step_count = 256;

// Section 3: rotated, and a constant added, so that the checksum of a text with its checksum in it is no fixed number.
std::uint32_t masked(std::uint32_t checksum) { return ((checksum >> 15) | (checksum << 17)) + 0xa282ead8; }

}  // namespace

void SnappyFrames::start(std::string_view body) {
    body_ = body;
    read_bytes_ = 0;
}

Decompressor::Progress SnappyFrames::step(std::span<char> text, std::size_t written_bytes) {
    if (read_bytes_ == 0) {
        if (!body_.starts_with(stream_identifier)) return {State::refused, written_bytes};
        read_bytes_ = stream_identifier.size();
    }
    for (int i = 0; i < chunks_per_step_count; ++i) {
        if (read_bytes_ == body_.size()) return {State::end, written_bytes};
        const Progress progress = read_chunk(text, written_bytes);
        if (progress.state != State::more || progress.written_bytes != written_bytes) return progress;
    }
    return {State::more, written_bytes};
}

// State::more: it is read. A stream identifier may come again: streams put behind each other are one.
Decompressor::Progress SnappyFrames::read_chunk(std::span<char> text, std::size_t written_bytes) {
    const Progress refused{State::refused, written_bytes};
    if (body_.size() - read_bytes_ < chunk_header_bytes) return refused;
    const auto kind = static_cast<unsigned char>(body_[read_bytes_]);
    const std::size_t rest_bytes = number_at(body_, read_bytes_ + 1, 3);
    if (body_.size() - read_bytes_ - chunk_header_bytes < rest_bytes) return refused;
    const std::string_view rest = body_.substr(read_bytes_ + chunk_header_bytes, rest_bytes);
    const auto passed = [&](std::size_t written_now) {
        read_bytes_ += chunk_header_bytes + rest_bytes;
        return Progress{State::more, written_now};
    };
    if (kind == stream_identifier_chunk)
        return rest == stream_identifier.substr(chunk_header_bytes) ? passed(written_bytes) : refused;
    if (kind >= skippable_chunk_min) return passed(written_bytes);
    if (kind > plain_chunk || rest.size() < checksum_bytes) return refused;
    const std::string_view data = rest.substr(checksum_bytes);
    std::size_t bytes = data.size();
    if (kind == compressed_chunk && !::snappy::GetUncompressedLength(data.data(), data.size(), &bytes)) return refused;
    if (bytes > chunk_text_bytes_max) return refused;
    if (bytes > text.size() - written_bytes) return {State::full, written_bytes};
    char* const to = text.data() + written_bytes;
    if (kind == plain_chunk) std::memcpy(to, data.data(), bytes);
    else if (!::snappy::RawUncompress(data.data(), data.size(), to)) return refused;
    if (masked(crc32c({to, bytes})) != number_at(rest, 0, checksum_bytes)) return refused;
    return passed(written_bytes + bytes);
}

}  // namespace sluice::parsers
