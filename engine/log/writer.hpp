// Writer: while one lives, log lines are written by a thread of its own, and whoever logs never waits for the reader of
// stderr. Made and destroyed by main, around all threads that log.
//
// Lines that cannot be written are dropped and counted (dropped_lines_count()): the oldest where the queue is full
// (limits::log_queue_bytes_max), those that stderr refuses, and those that are left when the process ends. A line
// `log_lines_dropped` stands where lines are missing. At the end the lines that are left are written, for
// `exit_patience_ns` at most.
//
// Without a Writer a line is written at once, by the thread that logs it, which waits for the reader for as long.
//
// Rejected: the asynchronous logger of spdlog. Its thread writes with fwrite(3), which a stopped reader blocks for
// ever, and the end of its thread pool waits for that thread without a bound; it drops lines without saying where.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <future>
#include <memory>
#include <thread>

#include "engine/log/line_queue.hpp"

namespace sluice::log {

class Writer {
  public:
    static constexpr std::uint64_t exit_patience_ns = 1'000'000'000;

    // One at a time. Signals that the process waits for must be blocked before. `fd` stays the caller's.
    explicit Writer(int fd = STDERR_FILENO);
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

  private:
    // Shared with the thread: one that is stuck in a write is left behind, and goes on using it.
    std::shared_ptr<LineQueue> queue_;
    std::future<void> ended_;
    std::thread thread_;
};

// Waits until all lines so far are written or dropped, for `patience_ns` at most. False: that was too short.
// Any thread. True at once without a Writer.
bool flush(std::uint64_t patience_ns = Writer::exit_patience_ns);

// Lines that were not written since the Writer was made. Any thread.
[[nodiscard]] std::uint64_t dropped_lines_count();

// Lines that are neither written nor dropped. Any thread.
[[nodiscard]] std::uint64_t waiting_lines_count();

// A line as it is: `text` and a line feed. For sentences that say why the process ends. Any thread.
void say(std::string text);

}  // namespace sluice::log
