// `sluice journal replay DIR --to redis://…`: delivers a journal to Redis, in order, at least once.
//
// The records go through the decoder, the encoder and the sink that would have delivered them at once, so every layout
// and every setting of sink.redis.* works. How far Redis has confirmed is kept in the journal's directory (once a
// second and at the end): a replay that was stopped, or killed, goes on there. It deletes nothing: the engine removes
// delivered segments when it needs their room.
#pragma once

#include <string>

#include "engine/config/command_line.hpp"
#include "engine/config/load.hpp"

namespace sluice::journal_tool {

// Ends at the end of the journal (ok), at SIGTERM or SIGINT with what is under way confirmed or given up, or at an
// error.
// `failed` also if damage was skipped, or records that this version does not understand; bad_usage for wrong settings.
// Main thread. SIGTERM and SIGINT stay blocked afterwards.
// A range other than what is left is a copy: it takes no lock, and the position stays as it is.
[[nodiscard]] config::ExitCode replay(const std::string& directory, const config::Overrides& overrides,
                                      const config::ReplayRange& range);

}  // namespace sluice::journal_tool
