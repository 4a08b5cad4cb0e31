// The segments of a journal as they lie in its directory, and the position up to which they were delivered.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

#include "sinks/journal/file_system.hpp"
#include "sinks/journal/format.hpp"

namespace sluice::sinks::journal {

struct Segment {
    std::uint64_t sequence = 0;
    std::uint64_t bytes = 0;              // of the file
    std::optional<SegmentHeader> header;  // nothing if it is damaged or blank
    bool is_blank = false;                // not even a header: it is being made, or a crash came in between
    // Bytes that count, as the successor says; nothing for the last one, and for one that was begun in vain.
    std::optional<std::uint64_t> end;
    bool has_predecessor = true;          // false: it names one that should be there and is not
};

// Ascending by sequence. A file that vanishes meanwhile is left out.
[[nodiscard]] IoResult<std::vector<Segment>> list_segments(FileSystem& files);

// A place between two records.
struct Position {
    std::uint64_t segment = 0;
    std::uint64_t offset = 0;  // bytes from the begin of the segment's file
    friend auto operator<=>(const Position&, const Position&) = default;
};

// Whoever delivers holds this lock.
inline constexpr const char* replay_lock_name = "replay.lock";

// What lies before the position was delivered and may be removed. Nothing if nothing was delivered yet; an error
// (io_error) if the file is damaged: its data then counts as not delivered.
[[nodiscard]] IoResult<std::optional<Position>> read_delivered(FileSystem& files);
// Makes sure, if it can, that the first write_delivered() needs no room on the device.
void reserve_delivered(FileSystem& files);
// Replaces it in one step that survives a power loss. Needs no room after the first time: on a device that is full, to keep
// the position is what lets segments be removed.
[[nodiscard]] IoResult<void> write_delivered(FileSystem& files, const Position& position);

// Whether all of a closed segment lies before `delivered`.
[[nodiscard]] bool is_delivered(const Segment& segment, const Position& delivered);

}  // namespace sluice::sinks::journal
