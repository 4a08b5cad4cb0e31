// The real FileSystem: a directory of the machine.
#pragma once

#include <memory>
#include <string>

#include "sinks/journal/file_system.hpp"

namespace sluice::sinks::journal {

// Opens `directory`, which must exist: one that is made where a disk is not mounted would fill the wrong disk.
[[nodiscard]] IoResult<std::unique_ptr<FileSystem>> open_directory(const std::string& directory);

}  // namespace sluice::sinks::journal
