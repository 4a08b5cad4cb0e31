#include "sinks/journal/segments.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "sinks/journal/crc32c.hpp"

namespace sluice::sinks::journal {
namespace {

constexpr const char* delivered_name = "delivered";
constexpr const char* delivered_new_name = "delivered.new";

struct StoredPosition {
    std::array<char, 8> magic;
    std::uint64_t segment;
    std::uint64_t offset;
    std::uint32_t reserved;
    std::uint32_t crc;  // of everything before it
};
static_assert(sizeof(StoredPosition) == 32);
constexpr std::array<char, 8> position_magic{'S', 'L', 'U', 'I', 'C', 'E', 'P', '\n'};
constexpr std::size_t position_crc_bytes = offsetof(StoredPosition, crc);

bool is_gone(std::errc error) { return error == std::errc::no_such_file_or_directory; }

IoResult<Segment> look_at(FileSystem& files, std::uint64_t sequence) {
    auto file = files.open(segment_name(sequence), Access::read);
    if (!file) return std::unexpected(file.error());
    const auto bytes = (*file)->size();
    if (!bytes) return std::unexpected(bytes.error());
    std::array<char, segment_header_bytes> header{};
    const auto read = (*file)->read(0, header);
    if (!read) return std::unexpected(read.error());
    Segment segment{.sequence = sequence, .bytes = *bytes, .header = read_segment_header(std::span(header).first(*read)),
                    .end = std::nullopt};
    segment.is_blank = std::ranges::all_of(header, [](char c) { return c == 0; });
    if (segment.header && segment.header->sequence != sequence) segment.header.reset();  // a copy under another name
    return segment;
}

// From what each segment says of its predecessor.
void link(std::vector<Segment>& segments) {
    for (std::size_t i = 1; i < segments.size(); ++i) {
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

IoResult<std::optional<Position>> read_delivered(FileSystem& files) {
    auto file = files.open(delivered_name, Access::read);
    if (!file && is_gone(file.error())) return std::nullopt;
    if (!file) return std::unexpected(file.error());
    std::array<char, sizeof(StoredPosition)> bytes{};
    const auto read = (*file)->read(0, bytes);
    if (!read) return std::unexpected(read.error());
    StoredPosition stored;
    std::memcpy(&stored, bytes.data(), sizeof stored);
    if (*read != sizeof stored || stored.magic != position_magic) return std::unexpected(std::errc::io_error);
    if (stored.crc != crc32c(std::span(bytes).first(position_crc_bytes))) return std::unexpected(std::errc::io_error);
    return Position{stored.segment, stored.offset};
}

void reserve_delivered(FileSystem& files) { static_cast<void>(files.create(delivered_new_name, sizeof(StoredPosition))); }

IoResult<void> write_delivered(FileSystem& files, const Position& position) {
    StoredPosition stored{position_magic, position.segment, position.offset, 0, 0};
    std::array<char, sizeof stored> bytes{};
    std::memcpy(bytes.data(), &stored, sizeof stored);
    stored.crc = crc32c(std::span(bytes).first(position_crc_bytes));
    std::memcpy(bytes.data(), &stored, sizeof stored);
    auto file = files.open(delivered_new_name, Access::read_and_write);
    if (!file && is_gone(file.error())) file = files.create(delivered_new_name, sizeof stored);
    if (!file) return std::unexpected(file.error());
    if (auto written = (*file)->write(0, bytes); !written) return written;
    if (auto synced = (*file)->sync(); !synced) return synced;
    if (auto renamed = files.rename(delivered_new_name, delivered_name); !renamed) return renamed;
    reserve_delivered(files);  // in the room of the one that was replaced
    return files.sync_directory();
}

bool is_delivered(const Segment& segment, const Position& delivered) {
    if (segment.sequence < delivered.segment) return true;
    return segment.sequence == delivered.segment && segment.end && delivered.offset >= *segment.end;
}

}  // namespace sluice::sinks::journal
