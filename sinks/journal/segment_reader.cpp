#include "sinks/journal/segment_reader.hpp"

#include <algorithm>
#include <cstring>

#include "engine/core/check.hpp"

namespace sluice::sinks::journal {

// The buffer with the file's bytes from `offset`; returns how many there are.
IoResult<std::size_t> SegmentReader::fill(std::uint64_t offset) {
    auto filled = file_.read(offset, buffer_);
    if (!filled && filled.error() == std::errc::io_error) return fill_by_blocks(offset);
    return filled;
}

// The same where some of it cannot be read: zeros stand for that, which are no record.
IoResult<std::size_t> SegmentReader::fill_by_blocks(std::uint64_t offset) {
    const auto size = file_.size();
    if (!size) return std::unexpected(size.error());
    const std::size_t wanted = std::min<std::uint64_t>(buffer_.size(), *size - std::min(offset, *size));
    std::size_t filled = 0;
    while (filled < wanted) {
        const std::size_t to_block_end = block_bytes - (offset + filled) % block_bytes;
        const std::span<char> piece = std::span(buffer_).subspan(filled, std::min(to_block_end, wanted - filled));
        const auto read = file_.read(offset + filled, piece);
        if (!read && read.error() != std::errc::io_error) return std::unexpected(read.error());
        if (!read) std::ranges::fill(piece, '\0');
        filled += piece.size();
    }
    return filled;
}

// The bytes at `offset`: a whole record's at least, unless the file or what counts of it ends before.
IoResult<std::span<const char>> SegmentReader::window(std::uint64_t offset, Freshness freshness) {
    const bool is_inside = offset >= buffer_offset_ && offset + record_bytes_max <= buffer_offset_ + filled_bytes_;
    if (!is_inside || freshness == Freshness::read_now) {
        const auto filled = fill(offset);
        if (!filled) return std::unexpected(filled.error());
        buffer_offset_ = offset;
        filled_bytes_ = *filled;
    }
    CHECK(offset >= buffer_offset_ && offset - buffer_offset_ <= filled_bytes_);
    const std::size_t begin = offset - buffer_offset_;
    std::size_t bytes = filled_bytes_ - begin;
    if (end_) bytes = std::min<std::uint64_t>(bytes, *end_ - std::min(offset, *end_));
    return std::span<const char>(buffer_).subspan(begin, bytes);
}

// Where the first whole record at or behind `from`, a multiple of 8, begins.
IoResult<std::optional<std::uint64_t>> SegmentReader::find_record(std::uint64_t from) {
    for (;;) {  // ends: each turn passes a window, and the file ends
        const auto bytes = window(from);
        if (!bytes) return std::unexpected(bytes.error());
        if (bytes->size() < sizeof(RecordHeader)) return std::nullopt;
        // Up to where a record that begins there lies in the window as a whole; all the rest, if the file ends in it.
        const bool is_last = bytes->size() < record_bytes_max;
        const std::size_t begins = bytes->size() - (is_last ? sizeof(RecordHeader) : record_bytes_max) + 1;
        for (std::size_t i = 0; i < begins; i += record_alignment) {
            std::uint32_t mark = 0;
            std::memcpy(&mark, bytes->data() + i, sizeof mark);
            if (mark == record_mark && read_record(bytes->subspan(i))) return from + i;
        }
        if (is_last) return std::nullopt;
        from += (begins + record_alignment - 1) & ~(record_alignment - 1);
    }
}

SegmentReader::Step SegmentReader::take_gap(std::uint64_t end) {
    CHECK(end > offset_);  // a gap has bytes: who reads on comes further
    gap_bytes_ = end - offset_;
    offset_ = end;
    return Step::gap;
}

IoResult<SegmentReader::Step> SegmentReader::next() {
    auto bytes = window(offset_);
    if (!bytes) return std::unexpected(bytes.error());
    auto record = read_record(*bytes);
    if (!record) {
        if (end_ && offset_ >= *end_) return Step::end;
        // Most often the writer has come further than what was read ahead.
        bytes = window(offset_, Freshness::read_now);
        if (!bytes) return std::unexpected(bytes.error());
        record = read_record(*bytes);
    }
    if (!record) {
        const auto found = find_record(offset_ + record_alignment);
        if (!found) return std::unexpected(found.error());
        if (!*found) return end_ ? take_gap(*end_) : Step::end;
        bytes = window(offset_, Freshness::read_now);
        if (!bytes) return std::unexpected(bytes.error());
        record = read_record(*bytes);
        if (!record) return take_gap(**found);
    }
    record_ = *record;
    offset_ += record_.bytes;
    return Step::record;
}

}  // namespace sluice::sinks::journal
