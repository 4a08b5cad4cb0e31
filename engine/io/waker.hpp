// Waker: an eventfd that ends another thread's wait. Any number of wakes before drain() count as one.
//
// wake() may be called from any thread; drain() by the one that waits on fd(). Says nothing about when to wake:
// that protocol stands at its users (sink_thread.hpp).
#pragma once

#include <cerrno>
#include <cstdint>
#include <optional>

#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/core/check.hpp"
#include "engine/core/descriptor.hpp"

namespace sluice {

class Waker {
  public:
    // How a read of fd() behaves while nobody has called wake(). `waits`: for a ring, which would hand EAGAIN out.
    enum class Read : std::uint8_t { returns_at_once, waits };

    Waker() : Waker(make(Read::returns_at_once)) { CHECK(descriptor_.is_open()); }
    // None where no descriptor is left; errno says why.
    [[nodiscard]] static std::optional<Waker> open(Read read) {
        Descriptor descriptor = make(read);
        if (!descriptor.is_open()) return std::nullopt;
        return Waker(std::move(descriptor));
    }

    [[nodiscard]] int fd() const { return descriptor_.get(); }

    // The counter of an eventfd is full after 2^64 - 2 wakes only; then a wake is pending, and there is nothing to do.
    void wake() const {
        const std::uint64_t one = 1;
        const ssize_t written = ::write(fd(), &one, sizeof one);
        CHECK(written == sizeof one || errno == EAGAIN);
    }

    // Of a waker whose read returns at once.
    void drain() const {
        std::uint64_t wakes_count = 0;
        static_cast<void>(!::read(fd(), &wakes_count, sizeof wakes_count));
    }

  private:
    explicit Waker(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
    static Descriptor make(Read read) {
        return Descriptor(::eventfd(0, (read == Read::returns_at_once ? EFD_NONBLOCK : 0) | EFD_CLOEXEC));
    }

    Descriptor descriptor_;
};

}  // namespace sluice
