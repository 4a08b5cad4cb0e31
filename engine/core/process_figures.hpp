// What the kernel knows of this process, for monitoring. Read anew at each call, from /proc and by system calls: some
// 50 µs, so not on a reactor. Any thread.
#pragma once

#include <cstdint>
#include <optional>

namespace sluice {

// Each is empty where the kernel does not tell it (no /proc), or where there is no limit.
struct ProcessFigures {
    std::optional<std::uint64_t> cpu_ns;  // user and system time of all threads, also of those that have ended
    std::optional<std::uint64_t> start_ns;  // Unix time
    std::optional<std::uint64_t> resident_bytes;  // statm counts pages in batches of each thread: a little behind
    std::optional<std::uint64_t> virtual_bytes;  // address space
    std::optional<std::uint64_t> virtual_bytes_max;
    std::optional<std::uint64_t> open_fds_count;  // without direct descriptors of io_uring
    std::optional<std::uint64_t> fds_count_max;  // soft limit
    std::optional<std::uint64_t> threads_count;
};

[[nodiscard]] ProcessFigures read_process_figures();

}  // namespace sluice
