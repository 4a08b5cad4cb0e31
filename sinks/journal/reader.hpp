// Reader: the records of a journal from some position on, across its segments. Also while an engine writes: at the end,
// next() may be called again later. One owner thread, beside the one that writes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sinks/journal/segment_reader.hpp"
#include "sinks/journal/segments.hpp"

namespace sluice::sinks::journal {

class Reader {
  public:
    // `files` outlives the reader. A default Position is before everything.
    Reader(FileSystem& files, const Position& from) : files_(files), position_(from) {}

    enum class Step : std::uint8_t {
        record,  // record(), valid until the next call; it lies at record_position()
        gap,  // gap_bytes() bytes behind gap_position() are damaged, and skipped
        end,  // nothing more, for now
    };
    [[nodiscard]] IoResult<Step> next();
    // A later segment than that of position() is known: looks up, if it is not known, where that one ends, so that
    // next() reads nothing behind it. What stands there was never confirmed, and need not have been cut.
    [[nodiscard]] IoResult<void> learn_end();

    [[nodiscard]] const RecordView& record() const { return segment_->record(); }
    [[nodiscard]] Position record_position() const { return {position_.segment, segment_->record_offset()}; }
    [[nodiscard]] Position gap_position() const { return {position_.segment, position_.offset - gap_bytes_}; }
    [[nodiscard]] std::uint64_t gap_bytes() const { return gap_bytes_; }
    // Behind what next() returned last.
    [[nodiscard]] const Position& position() const { return position_; }

  private:
    enum class Found : std::uint8_t { yes, no };
    [[nodiscard]] IoResult<Found> open_segment();
    [[nodiscard]] IoResult<Found> pass_end();
    bool take_end(const std::vector<Segment>& segments);

    FileSystem& files_;
    Position position_;
    std::unique_ptr<File> file_;
    std::optional<SegmentReader> segment_;
    bool is_end_known_ = false;  // of the segment
    bool is_header_damaged_ = false;  // and was not reported yet
    std::uint64_t gap_bytes_ = 0;
};

}  // namespace sluice::sinks::journal
