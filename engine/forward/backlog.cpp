#include "engine/forward/backlog.hpp"

#include <algorithm>

#include "engine/core/check.hpp"

namespace sluice::forward {

using sinks::journal::FileSystem;
using sinks::journal::IoResult;
using sinks::journal::Position;
using sinks::journal::Reader;
using sinks::journal::Segment;
using sinks::journal::segment_header_bytes;

namespace {

std::uint64_t difference(std::uint64_t end, std::uint64_t begin) { return end > begin ? end - begin : 0; }

}  // namespace

IoResult<std::uint64_t> bytes_between(FileSystem& files, const Position& begin, const Position& end) {
    if (begin >= end) return 0;
    const std::uint64_t first = std::max<std::uint64_t>(begin.offset, segment_header_bytes);
    if (begin.segment == end.segment) return difference(end.offset, first);
    const auto segments = sinks::journal::list_segments(files);
    if (!segments) return std::unexpected(segments.error());
    std::uint64_t bytes = 0;
    for (const Segment& segment : *segments) {
        if (segment.sequence < begin.segment || segment.sequence > end.segment) continue;
        const std::uint64_t from = segment.sequence == begin.segment ? first : segment_header_bytes;
        const bool is_last = segment.sequence == end.segment;
        bytes += difference(is_last ? end.offset : segment.end.value_or(segment.bytes), from);
    }
    return bytes;
}

std::optional<std::int64_t> segment_begin_ns(FileSystem& files, const Position& position) {
    const auto segments = sinks::journal::list_segments(files);
    if (!segments) return std::nullopt;
    for (const Segment& segment : *segments) {
        const bool is_before = segment.sequence < position.segment ||
                               (segment.sequence == position.segment && segment.end && *segment.end <= position.offset);
        if (!is_before && segment.header) return segment.header->created_ns;
    }
    return std::nullopt;
}

void RecordCount::advance(std::uint32_t records_count_max) {
    for (std::uint32_t i = 0; i < records_count_max && !is_complete_; ++i) {
        const auto step = reader_.next();
        if (!step || *step == Reader::Step::end) is_complete_ = true;
        else if (*step == Reader::Step::record && reader_.position() <= end_) ++count_;
        if (reader_.position() >= end_) is_complete_ = true;
    }
}

void ConfirmedTimes::add(const Position& end, std::uint64_t now_ns) {
    CHECK(marks_.empty() || end >= marks_.back().end);
    if (!marks_.empty() && now_ns < marks_.back().time_ns + interval_ns_) {
        marks_.back().end = end;
        return;
    }
    if (marks_.size() == marks_count_max) {
        for (std::size_t i = 0; i < marks_count_max / 2; ++i)
            marks_[i] = {marks_[2 * i + 1].end, marks_[2 * i].time_ns};
        marks_.resize(marks_count_max / 2);
        interval_ns_ *= 2;
    }
    marks_.push_back({end, now_ns});
}

std::optional<std::uint64_t> ConfirmedTimes::first_behind(const Position& delivered) {
    const auto behind = std::ranges::find_if(marks_, [&](const Mark& mark) { return mark.end > delivered; });
    marks_.erase(marks_.begin(), behind);
    if (!marks_.empty()) return marks_.front().time_ns;
    interval_ns_ = interval_ns_min;
    return std::nullopt;
}

}  // namespace sluice::forward
