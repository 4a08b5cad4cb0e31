// Host: this machine and this process, as the checks see them. Files of /proc and /sys are read below `root`; what is
// in no file is a value. A test makes a folder and sets the values. Main thread; reads only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::doctor {

// adjtimex(2).
struct ClockState {
    bool is_synchronised = false;
    std::uint64_t error_us_max = 0;
};

// statvfs(3) and stat(2) of a directory.
struct DiskFigures {
    std::uint64_t free_bytes = 0;
    std::uint64_t free_inodes_count = 0;
    std::uint64_t inodes_count = 0;  // 0: the file system has no fixed number
    std::uint64_t inode_number = 0;
    std::uint32_t device_major = 0;
    std::uint32_t device_minor = 0;
};

struct Host {
    std::string root{};  // before each path; empty: this machine
    std::string kernel_release{};  // uname -r
    std::uint64_t descriptors_count_max = 0;  // RLIMIT_NOFILE; the greatest number: no limit
    std::uint64_t locked_bytes_max = 0;  // RLIMIT_MEMLOCK, likewise
    bool may_lock_memory = false;  // CAP_IPC_LOCK
    bool has_entropy = false;  // getrandom(2) does not block
    std::string io_uring_problem{};  // a sentence; empty: a ring works
    std::optional<ClockState> clock{};
    std::optional<DiskFigures> journal_disk{};  // of the journal's directory
    std::int64_t now_s = 0;  // since 1970

    // Without blanks and line feeds at the end. Nothing: it is not there, or may not be read.
    [[nodiscard]] std::optional<std::string> read(const std::string& path) const;
    // The first number of a file.
    [[nodiscard]] std::optional<std::uint64_t> number(const std::string& path) const;
    // What a folder holds, in order.
    [[nodiscard]] std::vector<std::string> names(const std::string& path) const;
    // The value behind `NAME:` in a file of such lines (/proc/self/status, /proc/meminfo).
    [[nodiscard]] std::optional<std::string> field(const std::string& path, const std::string& name) const;
    // st_mode & 07777 of a file of the configuration, which is not below `root`.
    [[nodiscard]] std::optional<std::uint32_t> mode(const std::string& path) const;

    // `journal_directory`: empty: none.
    [[nodiscard]] static Host of_process(const std::string& journal_directory);
};

// The words of a text, between blanks, tabs and line feeds.
[[nodiscard]] std::vector<std::string> words_of(const std::string& text);
[[nodiscard]] std::vector<std::string> lines_of(const std::string& text);
// A number in decimal, and nothing else.
[[nodiscard]] std::optional<std::uint64_t> number_of(const std::string& text);

}  // namespace sluice::doctor
