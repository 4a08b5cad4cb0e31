// The segments of a journal as they lie in its directory. Values and functions of the caller's thread.
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
    bool is_blank = false;                // nothing in it: it is being made, or a crash came in between
    // Bytes that count, as the successor says or the writer that stopped in order; nothing for one that is being
    // written or whose writer was killed, and for one whose first write failed.
    std::optional<std::uint64_t> end;
    bool has_predecessor = true;  // false: it names one that is not there; fine if that was delivered
};

// Ascending by sequence. A file that vanishes meanwhile is left out.
[[nodiscard]] IoResult<std::vector<Segment>> list_segments(FileSystem& files);

// A place between two records.
struct Position {
    std::uint64_t segment = 0;
    std::uint64_t offset = 0;  // bytes from the begin of the segment's file
    friend auto operator<=>(const Position&, const Position&) = default;
};

}  // namespace sluice::sinks::journal
