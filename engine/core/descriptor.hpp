// Descriptor: owns one file descriptor of the process, and closes it. Moved, never copied; any thread, one at a time.
#pragma once

#include <unistd.h>

#include <utility>

namespace sluice {

class Descriptor {
  public:
    Descriptor() = default;
    // Takes `fd` over; a negative one is none.
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() { reset(); }
    Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    // Lent: stays open as long as this object holds it. -1 if there is none.
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    // Gives it to the caller, who closes it.
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    // close(2) frees the number whatever it returns (Linux), so there is nothing to do about an error.
    void reset(int fd = -1) {
        const int old_fd = std::exchange(fd_, fd);
        if (old_fd >= 0) ::close(old_fd);
    }

  private:
    int fd_ = -1;
};

}  // namespace sluice
