#include "engine/delivery/sink_wait.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "engine/core/check.hpp"

namespace sluice {
namespace {

constexpr std::uint64_t moment_ns = 10'000'000;

}  // namespace

SinkWaited wait_for_sink(const sinks::Interest& interest, int wake_fd, std::uint64_t deadline_ns,
                         std::uint64_t now_ns) {
    // ppoll(2) passes over descriptors that are negative.
    std::array<pollfd, 2> descriptors{pollfd{interest.fd, interest.events, 0}, pollfd{wake_fd, POLLIN, 0}};
    const std::uint64_t wait_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    const timespec timeout{static_cast<time_t>(wait_ns / 1'000'000'000), static_cast<long>(wait_ns % 1'000'000'000)};
    const int ready = ::ppoll(descriptors.data(), descriptors.size(), deadline_ns != 0 ? &timeout : nullptr, nullptr);
    if (ready < 0 && errno == ENOMEM) {
        // The caller asks again at once: a moment passes first, in which memory may come free.
        const timespec moment{0, static_cast<long>(deadline_ns != 0 ? std::min(wait_ns, moment_ns) : moment_ns)};
        ::nanosleep(&moment, nullptr);
        return {};
    }
    CHECK(ready >= 0 || errno == EINTR);
    if (ready <= 0) return {};
    return {descriptors[0].revents, descriptors[1].revents != 0};
}

}  // namespace sluice
