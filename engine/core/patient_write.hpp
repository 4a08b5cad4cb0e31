// Writing to a descriptor whose reader may have stopped: a full pipe, a stopped terminal, a socket. Any thread.
//
// O_NONBLOCK is not set. That flag belongs to the open file, which a shell or a supervisor shares with this process.
// Instead each write waits with poll(2) until the descriptor takes bytes, and then hands over what it takes for sure:
// at most PIPE_BUF bytes to a pipe (pipe(7)), or a send with MSG_DONTWAIT to a socket. Another process that writes to
// the same pipe between the two calls can still make a write block. So a thread that must not block does not call this.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice {

enum class WriteOutcome : std::uint8_t {
    done,  // all bytes are written
    late,  // the deadline has passed
    failed,  // an error that waiting does not mend: the reader has gone, the disk is full
};

// Writes the bytes of `text`, and removes from it what was written. `deadline_ns`: monotonic; one that has passed tries
// once without waiting.
[[nodiscard]] WriteOutcome write_until(int fd, std::string_view& text, std::uint64_t deadline_ns);

}  // namespace sluice
