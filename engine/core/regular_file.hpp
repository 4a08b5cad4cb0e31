// Reads a file that an operator has named. It never waits and has a bound: a pipe that nobody writes to would hold up a
// reload for ever, and a device has no end. Any thread that may wait for the disk.
#pragma once

#include <cstddef>
#include <expected>
#include <string>

namespace sluice {

// All bytes of a regular file of `bytes_max` at most, which is a whole number of KiB; of /dev/null none. An error is
// the rest of a sentence: `cannot be read: Permission denied`, `is no regular file`, `is larger than 1MiB`.
[[nodiscard]] std::expected<std::string, std::string> read_regular_file(const std::string& path, std::size_t bytes_max);

}  // namespace sluice
