// `sluice journal ls|cat|verify|export|replay DIR`: what they do and print. NDJSON on stdout, words for people on
// stderr. Reading takes no lock and changes nothing, so it may be done while an engine writes.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "engine/config/command_line.hpp"
#include "sinks/journal/segments.hpp"

namespace sluice::journal_tool {

// Runs the command and returns the exit code of the process.
// Main thread. No engine runs in this process, and signals have their default effect but for replay.
[[nodiscard]] config::ExitCode run(const config::Invocation& invocation);

// A line for each segment: {"segment","file","bytes","end","records","created_ns","is_open","is_delivered"}.
[[nodiscard]] config::ExitCode list(const std::string& directory);
// Each sample as it was received, a line each.
// `failed` if there is a gap; the samples around it are printed. The same for export_samples().
[[nodiscard]] config::ExitCode print_samples(const std::string& directory);
// Each sample with where it is and the time it counts for: {"segment","offset","timestamp_ns","sample"}.
[[nodiscard]] config::ExitCode export_samples(const std::string& directory);
// A line for each damage, then a summary. `failed` if there is any damage.
[[nodiscard]] config::ExitCode verify(const std::string& directory);

// All segments, at least one; a sentence if there is none or the directory cannot be read.
[[nodiscard]] std::expected<std::vector<sinks::journal::Segment>, std::string> segments_of(
    sinks::journal::FileSystem& files);

// One sentence on stderr; returns `failed`.
config::ExitCode complain(const std::string& directory, const std::string& what);

}  // namespace sluice::journal_tool
