// Waker: an eventfd that ends another thread's wait. Any number of wakes before drain() count as one.
//
// wake() may be called from any thread; drain() by the one that waits on fd(). Says nothing about when to wake:
// that protocol stands at its users (sink_thread.hpp).
#pragma once

#include <cerrno>
#include <cstdint>

#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/core/check.hpp"

namespace sluice {

class Waker {
  public:
    Waker() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { CHECK(fd_ >= 0); }
    ~Waker() { ::close(fd_); }
    Waker(const Waker&) = delete;
    Waker& operator=(const Waker&) = delete;

    [[nodiscard]] int fd() const { return fd_; }

    // EAGAIN (the counter is at its maximum) means that a wake is pending: nothing more to do.
    void wake() const {
        const std::uint64_t one = 1;
        const ssize_t written = ::write(fd_, &one, sizeof one);
        CHECK(written == sizeof one || errno == EAGAIN);
    }

    void drain() const {
        std::uint64_t wakes_count = 0;
        static_cast<void>(!::read(fd_, &wakes_count, sizeof wakes_count));
    }

  private:
    const int fd_;
};

}  // namespace sluice
