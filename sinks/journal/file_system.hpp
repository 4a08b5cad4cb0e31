// FileSystem: one directory and what the journal does in it. An interface, so that tests can run the journal over a
// disk that loses power, tears writes, runs full and lies about fdatasync; posix_file_system.hpp is the real one.
//
// Errors are the kernel's numbers as std::errc. Used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace sluice::sinks::journal {

template <typename T>
using IoResult = std::expected<T, std::errc>;

class File {
  public:
    virtual ~File() = default;

    // All of `bytes` at `offset`. After an error any part of them may have been written.
    [[nodiscard]] virtual IoResult<void> write(std::uint64_t offset, std::span<const char> bytes) = 0;
    // Fills `to` from `offset`; fewer bytes only at the end of the file.
    [[nodiscard]] virtual IoResult<std::size_t> read(std::uint64_t offset, std::span<char> to) = 0;
    // fdatasync(2). After an error nothing written since the last success can be trusted, also if a later call
    // succeeds: Linux marks the pages clean that it could not write. no_such_file_or_directory if the file was deleted
    // meanwhile.
    [[nodiscard]] virtual IoResult<void> sync() = 0;
    [[nodiscard]] virtual IoResult<void> truncate(std::uint64_t bytes) = 0;
    [[nodiscard]] virtual IoResult<std::uint64_t> size() = 0;
};

// Holds a lock until it is destroyed, or the process ends in whatever way.
class Lock {
  public:
    virtual ~Lock() = default;
};

enum class Access : std::uint8_t { read, read_and_write };

class FileSystem {
  public:
    virtual ~FileSystem() = default;

    // A new file of `bytes` zeros with their space reserved. file_exists if there is one; no_space_on_device (also for
    // a quota) leaves no file behind.
    [[nodiscard]] virtual IoResult<std::unique_ptr<File>> create(const std::string& name, std::uint64_t bytes) = 0;
    [[nodiscard]] virtual IoResult<std::unique_ptr<File>> open(const std::string& name, Access access) = 0;
    // Names of the regular files, in no order.
    [[nodiscard]] virtual IoResult<std::vector<std::string>> list() = 0;
    [[nodiscard]] virtual IoResult<void> remove(const std::string& name) = 0;
    // Replaces `to` in one step.
    [[nodiscard]] virtual IoResult<void> rename(const std::string& from, const std::string& to) = 0;
    // Makes creations, removals and renames so far survive a power loss.
    [[nodiscard]] virtual IoResult<void> sync_directory() = 0;
    // The lock on the directory itself, which no removed file undoes. resource_unavailable_try_again if another holds
    // it. Does not wait.
    [[nodiscard]] virtual IoResult<std::unique_ptr<Lock>> lock_directory() = 0;
    // The same on a file, which is created if needed.
    [[nodiscard]] virtual IoResult<std::unique_ptr<Lock>> lock_file(const std::string& name) = 0;
};

}  // namespace sluice::sinks::journal
