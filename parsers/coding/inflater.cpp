#include "parsers/coding/inflater.hpp"

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "engine/core/check.hpp"

namespace sluice::parsers {
namespace {

// Of a gzip member: 10 bytes of header, 2 of an empty DEFLATE stream, CRC-32 and ISIZE (RFC 1952 section 2.3).
constexpr std::size_t gzip_bytes_min = 20;

// What zlib reads at once. A block of DEFLATE has a code of its own, which takes about a microsecond to build, and can
// be 11 bytes long and bring no text: 0.3 ms for that many of them (decompress_hostile_deflate).
constexpr std::size_t inflate_slice_bytes = std::size_t{4} * 1024;
// What libdeflate reads in its one call: 1,000 samples of NDJSON have some 15 KiB, and take 0.03 ms. Blocks without
// text would take it 1.8 ms.
constexpr std::size_t one_call_bytes = std::size_t{16} * 1024;

// zlib's window of 32 KiB; negative: without a header, + 16: gzip's (zlib.h, inflateInit2).
constexpr int window_bits = 15;

unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<unsigned char*>(const_cast<char*>(text.data()));  // zlib's interface; it only reads
}

// RFC 1950 section 2.2: the method is 8, and the first two bytes are a multiple of 31.
bool has_zlib_header(std::string_view body) {
    if (body.size() < 2) return false;
    const unsigned first = static_cast<unsigned char>(body[0]);
    const unsigned second = static_cast<unsigned char>(body[1]);
    return (first & 0x0f) == 8 && (first * 256 + second) % 31 == 0;
}

// FHCRC, bit 1 of FLG (RFC 1952 section 2.3.1): a checksum of the header follows it. libdeflate passes over it, zlib
// compares it; so that the length of a body decides nothing, zlib reads such a member.
bool has_header_checksum(std::string_view member) {
    return member.size() > 3 && (static_cast<unsigned char>(member[3]) & 0x02) != 0;
}

}  // namespace

struct Inflater::Libraries {
    Libraries() : whole(::libdeflate_alloc_decompressor()) {
        CHECK(whole != nullptr);
        CHECK(::inflateInit2(&stream, window_bits) == Z_OK);
    }
    ~Libraries() {
        ::libdeflate_free_decompressor(whole);
        ::inflateEnd(&stream);
    }
    Libraries(const Libraries&) = delete;
    Libraries& operator=(const Libraries&) = delete;

    libdeflate_decompressor* whole;
    z_stream stream{};
};

Inflater::Inflater(ContentCoding coding) : coding_(coding), libraries_(std::make_unique<Libraries>()) {
    CHECK(coding == ContentCoding::gzip || coding == ContentCoding::deflate);
}

Inflater::~Inflater() = default;

void Inflater::start(std::string_view body) {
    body_ = body;
    read_bytes_ = 0;
    members_count_ = 0;
    is_in_member_ = false;
    may_fit_one_call_ = true;
    if (coding_ == ContentCoding::gzip) wrapper_ = Wrapper::gzip;
    else wrapper_ = has_zlib_header(body) ? Wrapper::zlib : Wrapper::none;
}

// ISIZE, the last four bytes, is the length of the last member's text modulo 2^32 (RFC 1952 section 2.3.1).
Decompressor::Promise Inflater::promise() const {
    if (coding_ != ContentCoding::gzip || body_.size() < gzip_bytes_min) return {};
    const auto* const end = reinterpret_cast<const unsigned char*>(body_.data() + body_.size());
    return {.text_bytes = std::size_t{end[-4]} | std::size_t{end[-3]} << 8 | std::size_t{end[-2]} << 16 |
                          std::size_t{end[-1]} << 24};
}

Decompressor::Progress Inflater::step(std::span<char> text, std::size_t written_bytes) {
    if (!is_in_member_) {
        if (members_count_ == members_count_max) return {State::refused, written_bytes};
        if (fits_one_call(text.size() - written_bytes)) return at_once(text, written_bytes);
        if (!begin_member()) return {State::refused, written_bytes};
    }
    return in_parts(text, written_bytes);
}

bool Inflater::fits_one_call(std::size_t room_bytes) const {
    if (wrapper_ == Wrapper::gzip && has_header_checksum(body_.substr(read_bytes_))) return false;
    return may_fit_one_call_ && body_.size() - read_bytes_ <= one_call_bytes && promise().text_bytes <= room_bytes;
}

bool Inflater::begin_member() {
    const int bits = wrapper_ == Wrapper::gzip   ? window_bits + 16
                     : wrapper_ == Wrapper::zlib ? window_bits
                                                 : -window_bits;
    is_in_member_ = ::inflateReset2(&libraries_->stream, bits) == Z_OK;
    return is_in_member_;
}

Decompressor::Progress Inflater::at_once(std::span<char> text, std::size_t written_bytes) {
    const std::string_view rest = body_.substr(read_bytes_);
    const std::span<char> room = text.subspan(written_bytes, std::min(text.size() - written_bytes, short_text_bytes));
    const auto inflate = wrapper_ == Wrapper::gzip   ? ::libdeflate_gzip_decompress_ex
                         : wrapper_ == Wrapper::zlib ? ::libdeflate_zlib_decompress_ex
                                                     : ::libdeflate_deflate_decompress_ex;
    std::size_t read = 0, wrote = 0;
    switch (inflate(libraries_->whole, rest.data(), rest.size(), room.data(), room.size(), &read, &wrote)) {
        case LIBDEFLATE_SUCCESS: read_bytes_ += read; return {end_of_member(), written_bytes + wrote};
        case LIBDEFLATE_INSUFFICIENT_SPACE: may_fit_one_call_ = false; return {State::more, written_bytes};
        default: return {State::refused, written_bytes};
    }
}

Decompressor::Progress Inflater::in_parts(std::span<char> text, std::size_t written_bytes) {
    z_stream& stream = libraries_->stream;
    const std::string_view slice = body_.substr(read_bytes_, inflate_slice_bytes);
    const std::span<char> room = text.subspan(written_bytes, std::min(text.size() - written_bytes, step_text_bytes));
    stream.next_in = bytes_of(slice);
    stream.avail_in = static_cast<uInt>(slice.size());
    stream.next_out = reinterpret_cast<unsigned char*>(room.data());
    stream.avail_out = static_cast<uInt>(room.size());
    const int result = ::inflate(&stream, Z_NO_FLUSH);
    read_bytes_ += slice.size() - stream.avail_in;
    written_bytes += room.size() - stream.avail_out;
    if (result == Z_STREAM_END) return {end_of_member(), written_bytes};
    if (result != Z_OK && result != Z_BUF_ERROR) return {State::refused, written_bytes};
    if (written_bytes == text.size()) return {State::full, written_bytes};
    const bool is_cut_off = read_bytes_ == body_.size() && stream.avail_out != 0;
    return {is_cut_off ? State::refused : State::more, written_bytes};
}

// Several members are one text (RFC 1952 section 2.2). What is no member may not follow.
Decompressor::State Inflater::end_of_member() {
    is_in_member_ = false;
    ++members_count_;
    if (read_bytes_ == body_.size()) return State::end;
    return coding_ == ContentCoding::gzip ? State::more : State::refused;
}

}  // namespace sluice::parsers
