#include "sinks/journal/segments.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "sinks/journal/segment_reader.hpp"

namespace sluice::sinks::journal {
namespace {

bool is_gone(std::errc error) { return error == std::errc::no_such_file_or_directory; }

// Whether no record stands behind the header, which is zeros.
IoResult<bool> holds_nothing(File& file) {
    SegmentReader reader(file, segment_header_bytes);
    const auto step = reader.next();
    if (!step) return std::unexpected(step.error());
    return *step == SegmentReader::Step::end;
}

IoResult<Segment> look_at(FileSystem& files, std::uint64_t sequence) {
    auto file = files.open(segment_name(sequence), Access::read);
    if (!file) return std::unexpected(file.error());
    const auto bytes = (*file)->size();
    if (!bytes) return std::unexpected(bytes.error());
    std::array<char, segment_header_bytes> header{};
    const auto read = (*file)->read(0, header);
    if (!read && read.error() != std::errc::io_error) return std::unexpected(read.error());
    if (!read) header.fill('?');  // cannot be read: damaged, and not blank
    Segment segment{.sequence = sequence,
                    .bytes = *bytes,
                    .header = read_segment_header(std::span(header).first(read.value_or(0))),
                    .end = std::nullopt};
    if (std::ranges::all_of(header, [](char c) { return c == 0; })) {  // rare: so it may cost a look at all of it
        const auto is_blank = holds_nothing(**file);
        if (!is_blank) return std::unexpected(is_blank.error());
        segment.is_blank = *is_blank;
    }
    if (segment.header && segment.header->sequence != sequence) segment.header.reset();  // a copy under another name
    return segment;
}

// From what each segment says of itself and of its predecessor.
void link(std::vector<Segment>& segments) {
    for (Segment& segment : segments)
        if (segment.header && segment.header->closed_end != 0) segment.end = segment.header->closed_end;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        if (!segments[i].header) continue;
        const SegmentHeader& header = *segments[i].header;
        if (header.previous_sequence == 0) continue;
        const auto previous = std::ranges::find(segments, header.previous_sequence, &Segment::sequence);
        segments[i].has_predecessor = previous != segments.end();
        if (previous != segments.end()) previous->end = header.previous_end;
    }
}

}  // namespace

IoResult<std::vector<Segment>> list_segments(FileSystem& files) {
    const auto names = files.list();
    if (!names) return std::unexpected(names.error());
    std::vector<Segment> segments;
    for (const std::string& name : *names) {
        const auto sequence = sequence_of_name(name);
        if (!sequence) continue;
        auto segment = look_at(files, *sequence);
        if (segment) segments.push_back(*segment);
        else if (!is_gone(segment.error())) return std::unexpected(segment.error());
    }
    std::ranges::sort(segments, {}, &Segment::sequence);
    link(segments);
    return segments;
}

}  // namespace sluice::sinks::journal
