// SegmentReader: the records of one segment, in order, and the gaps between them.
//
// What is no record is skipped if a whole one follows (a gap: damage), and is the end otherwise (a torn or unwritten
// tail). Reads beside a writer: the writer writes in ascending order, so a place that looks damaged is read once more
// after something behind it was seen; only what is still damaged then is a gap. What the disk cannot read (EIO) is
// damage, too.
//
// One owner thread; the writer may be on another, or another process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/core/limits.hpp"
#include "sinks/journal/file_system.hpp"
#include "sinks/journal/format.hpp"

namespace sluice::sinks::journal {

class SegmentReader {
  public:
    // Begins at byte `begin` of `file`, which outlives the reader.
    SegmentReader(File& file, std::uint64_t begin) : file_(file), offset_(begin), buffer_(buffer_bytes) {}

    // The segment is closed and `end` bytes of it count: from now on all of them must be records.
    void set_end(std::uint64_t end) { end_ = end; }

    enum class Step : std::uint8_t {
        record,  // record(), which is at record_offset(), and valid until the next call
        gap,  // gap_bytes() bytes at gap_offset() are damaged
        end,  // nothing more, for now; offset() is behind the last record
    };
    [[nodiscard]] IoResult<Step> next();

    [[nodiscard]] const RecordView& record() const { return record_; }
    [[nodiscard]] std::uint64_t record_offset() const { return offset_ - record_.bytes; }
    [[nodiscard]] std::uint64_t gap_offset() const { return offset_ - gap_bytes_; }
    [[nodiscard]] std::uint64_t gap_bytes() const { return gap_bytes_; }
    // Where the next call goes on.
    [[nodiscard]] std::uint64_t offset() const { return offset_; }

  private:
    static constexpr std::size_t buffer_bytes = limits::journal_read_buffer_bytes;
    static_assert(buffer_bytes > 2 * record_bytes_max);
    static constexpr std::size_t block_bytes = 4096;  // of disks and page cache: the least that is lost as a whole

    enum class Freshness : std::uint8_t { any, read_now };
    [[nodiscard]] IoResult<std::size_t> fill(std::uint64_t offset);
    [[nodiscard]] IoResult<std::size_t> fill_by_blocks(std::uint64_t offset);
    [[nodiscard]] IoResult<std::span<const char>> window(std::uint64_t offset, Freshness freshness = Freshness::any);
    [[nodiscard]] IoResult<std::optional<std::uint64_t>> find_record(std::uint64_t from);
    [[nodiscard]] Step take_gap(std::uint64_t end);

    File& file_;
    std::uint64_t offset_;
    std::optional<std::uint64_t> end_;
    RecordView record_;
    std::uint64_t gap_bytes_ = 0;
    std::vector<char> buffer_;
    std::uint64_t buffer_offset_ = 0;  // buffer_[0, filled_) is the file from here
    std::size_t filled_bytes_ = 0;
};

}  // namespace sluice::sinks::journal
