// The three descriptors that every program has, and printing to the second one. Main thread.
#pragma once

#include <string_view>

namespace sluice {

// Opens those of 0, 1 and 2 that are closed, on /dev/null. Without this the next socket or file would get the number,
// and log lines would go there. 1 is opened for reading: what is printed to a closed stdout must fail (EBADF), not
// vanish. First thing in main(), before anything else is opened.
void open_standard_descriptors();

// Writes `text` to stdout and flushes it. False: it could not be written whole.
[[nodiscard]] bool print(std::string_view text);
// Whether all that was written to stdout so far has arrived. Flushes it.
[[nodiscard]] bool is_stdout_written();

// The sentence about it, for stderr.
inline constexpr std::string_view stdout_not_written = "standard output cannot be written";

}  // namespace sluice
