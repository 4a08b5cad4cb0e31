// Where in a journal a replay begins, and what lies before that. Main thread; reads files only.
#pragma once

#include <expected>
#include <span>
#include <string>

#include "engine/config/command_line.hpp"
#include "sinks/journal/file_system.hpp"
#include "sinks/journal/segments.hpp"

namespace sluice::journal_tool {

// Whether the journal still holds anything before `position`. `segments` is not empty.
[[nodiscard]] bool holds_anything_before(std::span<const sinks::journal::Segment> segments,
                                         const sinks::journal::Position& position);

// Whether --from names a segment that is there, and in it the begin of a record, of damaged bytes, or the end. Reads
// the segment up to there. The error is a sentence. Any other range is fine.
[[nodiscard]] std::expected<void, std::string> check_from(sinks::journal::FileSystem& files,
                                                          std::span<const sinks::journal::Segment> segments,
                                                          const config::ReplayRange& range);

// "3:64"
[[nodiscard]] std::string place_of(const sinks::journal::Position& position);

}  // namespace sluice::journal_tool
