// EpollSet: several descriptors behind one, epoll's, for a sink that has to show a single descriptor. Sink thread only.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <expected>
#include <system_error>

#include "engine/core/check.hpp"
#include "engine/core/descriptor.hpp"

namespace sluice::sinks::redis {

// What is watched of one descriptor at present.
struct Watched {
    int fd = -1;
    std::uint64_t generation = 0;
    short events = 0;
};

class EpollSet {
  public:
    // Makes the set, unless it is there already. EMFILE, ENFILE, ENOMEM: can be tried again.
    [[nodiscard]] std::expected<void, std::errc> open() {
        if (!epoll_.is_open()) epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
        if (!epoll_.is_open()) return std::unexpected(static_cast<std::errc>(errno));
        return {};
    }

    // -1 until it is open.
    [[nodiscard]] int fd() const { return epoll_.get(); }

    // Watches `fd` for poll(2)'s `events` (epoll's have the same values); take() adds what came to `revents`, which
    // stays where it is while fd is open. The kernel forgets a descriptor that is closed: -1 then, and another
    // `generation` for the next one, whose number may be the same.
    // Opens the set if it is not open. On an error (also ENOMEM, and ENOSPC: fs.epoll.max_user_watches) the descriptor
    // is watched as before, maybe not at all; the next call tries again.
    [[nodiscard]] std::expected<void, std::errc> watch(Watched& watched, int fd, std::uint64_t generation, short events,
                                                       short& revents) {
        const bool is_new = watched.fd != fd || watched.generation != generation;
        if (fd >= 0 && (is_new || watched.events != events)) {
            if (is_new) watched = {};
            if (auto opened = open(); !opened) return opened;
            epoll_event event{.events = static_cast<std::uint32_t>(events), .data = {.ptr = &revents}};
            if (::epoll_ctl(epoll_.get(), is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) != 0) {
                CHECK(errno == ENOMEM || errno == ENOSPC);
                return std::unexpected(static_cast<std::errc>(errno));
            }
        }
        watched = {fd, generation, events};
        return {};
    }

    // Does not wait. More than fit at once are taken the next time: the descriptor stays readable.
    void take() {
        std::array<epoll_event, 64> events;
        const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            short& revents = *static_cast<short*>(event.data.ptr);
            revents = static_cast<short>(revents | static_cast<short>(event.events));
        }
    }

  private:
    Descriptor epoll_;
};

}  // namespace sluice::sinks::redis
