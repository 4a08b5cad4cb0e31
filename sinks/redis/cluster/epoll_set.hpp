// EpollSet: several descriptors behind one, epoll's, for a sink that has to show a single descriptor. Sink thread only.
#pragma once

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cstdint>

#include "engine/core/check.hpp"

namespace sluice::sinks::redis {

// What is watched of one descriptor at present.
struct Watched {
    int fd = -1;
    std::uint64_t generation = 0;
    short events = 0;
};

class EpollSet {
  public:
    // Failing here means that the process has no descriptor or memory left before it serves anybody.
    EpollSet() : fd_(::epoll_create1(EPOLL_CLOEXEC)) { CHECK(fd_ >= 0); }
    ~EpollSet() { ::close(fd_); }
    EpollSet(const EpollSet&) = delete;
    EpollSet& operator=(const EpollSet&) = delete;

    [[nodiscard]] int fd() const { return fd_; }

    // Watches `fd` for poll(2)'s `events` (epoll's have the same values); take() adds what came to `revents`, which
    // stays where it is while fd is open. The kernel forgets a descriptor that is closed: -1 then, and another
    // `generation` for the next one, whose number may be the same.
    void watch(Watched& watched, int fd, std::uint64_t generation, short events, short& revents) {
        const bool is_new = watched.fd != fd || watched.generation != generation;
        if (fd >= 0 && (is_new || watched.events != events)) {
            epoll_event event{.events = static_cast<std::uint32_t>(events), .data = {.ptr = &revents}};
            CHECK(::epoll_ctl(fd_, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) == 0);
        }
        watched = {fd, generation, events};
    }

    // Does not wait. More than fit at once are taken the next time: the descriptor stays readable.
    void take() {
        std::array<epoll_event, 64> events;
        const int count = ::epoll_wait(fd_, events.data(), static_cast<int>(events.size()), 0);
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            short& revents = *static_cast<short*>(event.data.ptr);
            revents = static_cast<short>(revents | static_cast<short>(event.events));
        }
    }

  private:
    int fd_;
};

}  // namespace sluice::sinks::redis
