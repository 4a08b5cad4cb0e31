#include "engine/core/patient_write.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>

#include "engine/core/clock.hpp"

namespace sluice {
namespace {

constexpr std::uint64_t ns_per_ms = 1'000'000;

// Rounded up, so that a wait does not end before its deadline again and again.
int milliseconds_until(std::uint64_t deadline_ns) {
    const std::uint64_t now_ns = monotonic_ns();
    if (deadline_ns <= now_ns) return 0;
    return static_cast<int>(std::min<std::uint64_t>((deadline_ns - now_ns + ns_per_ms - 1) / ns_per_ms, INT_MAX));
}

// False at the deadline, or when a signal came; the caller looks at the time. An error counts as ready: the write
// tells it.
bool is_ready(int fd, std::uint64_t deadline_ns) {
    pollfd waits{fd, POLLOUT, 0};
    return ::poll(&waits, 1, milliseconds_until(deadline_ns)) > 0;
}

ssize_t write_some(int fd, std::string_view text) {
    const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0 || errno != ENOTSOCK) return sent;
    return ::write(fd, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
}

// Whether a failed write may be tried again. Pauses where the descriptor was ready and took nothing all the same.
bool may_be_tried_again(int error) {
    if (error == EINTR) return true;
    if (error != EAGAIN && error != EWOULDBLOCK) return false;
    ::poll(nullptr, 0, 1);
    return true;
}

}  // namespace

WriteOutcome write_until(int fd, std::string_view& text, std::uint64_t deadline_ns) {
    while (!text.empty()) {  // ends: at the deadline at the latest
        if (is_ready(fd, deadline_ns)) {
            const ssize_t count = write_some(fd, text);
            if (count < 0 && !may_be_tried_again(errno)) return WriteOutcome::failed;
            if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
        }
        if (!text.empty() && monotonic_ns() >= deadline_ns) return WriteOutcome::late;
    }
    return WriteOutcome::done;
}

}  // namespace sluice
