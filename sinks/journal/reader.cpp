#include "sinks/journal/reader.hpp"

#include <algorithm>

#include "engine/core/check.hpp"

namespace sluice::sinks::journal {

// The first segment at or behind position_.
IoResult<Reader::Found> Reader::open_segment() {
    const auto segments = list_segments(files_);
    if (!segments) return std::unexpected(segments.error());
    const auto segment =
        std::ranges::find_if(*segments, [&](const Segment& s) { return s.sequence >= position_.segment; });
    if (segment == segments->end()) return Found::no;
    auto file = files_.open(segment_name(segment->sequence), Access::read);
    // Removed meanwhile: because it was delivered, or could not be filled.
    if (!file && file.error() == std::errc::no_such_file_or_directory) return open_segment();
    if (!file) return std::unexpected(file.error());
    const bool is_from_begin = segment->sequence != position_.segment || position_.offset < segment_header_bytes;
    if (is_from_begin) position_ = {segment->sequence, segment_header_bytes};
    file_ = std::move(*file);
    segment_.emplace(*file_, position_.offset);
    is_end_known_ = segment->end.has_value();
    if (segment->end) segment_->set_end(*segment->end);
    // A blank one holds nothing that could be lost: its writer is about to fill it, or to give it up for want of room.
    is_header_damaged_ = is_from_begin && !segment->header && !segment->is_blank;
    return Found::yes;
}

// At the end of the segment's records: is there more of it by now, or a later segment?
IoResult<Reader::Found> Reader::pass_end() {
    CHECK(segment_.has_value() && file_ != nullptr);
    if (!is_end_known_) {
        const auto segments = list_segments(files_);
        if (!segments) return std::unexpected(segments.error());
        if (take_end(*segments)) return Found::yes;  // it was closed meanwhile
        // One that is blank may be about to name this one as its predecessor.
        const auto is_next = [&](const Segment& s) { return s.sequence > position_.segment && !s.is_blank; };
        if (std::ranges::none_of(*segments, is_next)) return Found::no;
    }
    segment_.reset();
    file_.reset();
    position_ = {position_.segment + 1, 0};
    return Found::yes;
}

IoResult<void> Reader::learn_end() {
    if (!segment_ || is_end_known_) return {};
    const auto segments = list_segments(files_);
    if (!segments) return std::unexpected(segments.error());
    take_end(*segments);
    return {};
}

// Whether `segments` tells where the segment ends.
bool Reader::take_end(const std::vector<Segment>& segments) {
    const auto here = std::ranges::find(segments, position_.segment, &Segment::sequence);
    if (here == segments.end() || !here->end) return false;
    is_end_known_ = true;
    segment_->set_end(*here->end);
    return true;
}

IoResult<Reader::Step> Reader::next() {
    for (;;) {  // ends: each turn returns, passes a segment, or learns a segment's end
        if (!segment_) {
            const auto opened = open_segment();
            if (!opened) return std::unexpected(opened.error());
            if (*opened == Found::no) return Step::end;
        }
        if (is_header_damaged_) {
            is_header_damaged_ = false;
            gap_bytes_ = segment_header_bytes;
            return Step::gap;
        }
        const auto step = segment_->next();
        if (!step) return std::unexpected(step.error());
        CHECK(segment_->offset() >= position_.offset);  // what was read once is not read again
        position_.offset = segment_->offset();
        if (*step == SegmentReader::Step::record) return Step::record;
        if (*step == SegmentReader::Step::gap) {
            gap_bytes_ = segment_->gap_bytes();
            return Step::gap;
        }
        const auto passed = pass_end();
        if (!passed) return std::unexpected(passed.error());
        if (*passed == Found::no) return Step::end;
    }
}

}  // namespace sluice::sinks::journal
