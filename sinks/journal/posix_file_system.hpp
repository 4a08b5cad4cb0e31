// The real FileSystem: a directory of the machine.
#pragma once

#include <memory>
#include <string>

#include "sinks/journal/file_system.hpp"

namespace sluice::sinks::journal {

// Everything before the last name of `path`; `.` if it has one name only. Slashes at the end do not count.
[[nodiscard]] std::string parent_of(const std::string& path);

// Makes `directory` with mode 0700 if nothing is there; true if it was made. no_such_file_or_directory: its parent is
// not there. Parents are not made: where a disk is not mounted, the journal would fill the wrong one.
[[nodiscard]] IoResult<bool> make_directory(const std::string& directory);

// Opens `directory`, which must exist.
[[nodiscard]] IoResult<std::unique_ptr<FileSystem>> open_directory(const std::string& directory);

}  // namespace sluice::sinks::journal
