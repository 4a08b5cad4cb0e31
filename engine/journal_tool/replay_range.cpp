#include "engine/journal_tool/replay_range.hpp"

#include <algorithm>

#include "engine/core/error_text.hpp"
#include "sinks/journal/segment_reader.hpp"

namespace sluice::journal_tool {
namespace {

using namespace sinks::journal;

IoResult<bool> begins_at(FileSystem& files, const Segment& segment, std::uint64_t offset) {
    if (offset <= segment_header_bytes) return offset == 0 || offset == segment_header_bytes;
    auto file = files.open(segment_name(segment.sequence), Access::read);
    if (!file) return std::unexpected(file.error());
    SegmentReader reader(**file, segment_header_bytes);
    if (segment.end) reader.set_end(*segment.end);
    while (reader.offset() < offset) {  // ends: each step but the last moves the reader towards the end of the file
        const auto step = reader.next();
        if (!step) return std::unexpected(step.error());
        if (*step == SegmentReader::Step::end) break;
    }
    return reader.offset() == offset;
}

}  // namespace

std::string place_of(const Position& position) {
    return std::to_string(position.segment) + ":" + std::to_string(position.offset);
}

bool holds_anything_before(std::span<const Segment> segments, const Position& position) {
    return Position{segments.front().sequence, segment_header_bytes} < position;
}

std::expected<void, std::string> check_from(FileSystem& files, std::span<const Segment> segments,
                                            const config::ReplayRange& range) {
    if (range.kind != config::ReplayRange::Kind::from) return {};
    const auto segment = std::ranges::find(segments, range.segment, &Segment::sequence);
    const std::string given = place_of({range.segment, range.offset});
    if (segment == segments.end())
        return std::unexpected("--from is " + given + ", but the journal has no segment " +
                               std::to_string(range.segment) + "; it has " + std::to_string(segments.front().sequence) +
                               " to " + std::to_string(segments.back().sequence));
    const auto begins = begins_at(files, *segment, range.offset);
    if (!begins) return std::unexpected(text_of(begins.error()));
    if (*begins) return {};
    return std::unexpected("--from is " + given +
                           ", where no record begins; sluice journal export tells where each does");
}

}  // namespace sluice::journal_tool
