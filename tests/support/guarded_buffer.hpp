// Received bytes as hostile as the contract allows: exactly `padding_bytes` are readable behind them, then comes a page
// that kills whoever touches it. take_back() overwrites them, so that whoever kept a view of them is found out.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include "engine/core/check.hpp"

namespace sluice::tests {

class GuardedBuffer {
  public:
    GuardedBuffer(std::size_t bytes_max, std::size_t padding_bytes) : padding_bytes_(padding_bytes) {
        const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        usable_bytes_ = (bytes_max + padding_bytes + page_bytes - 1) / page_bytes * page_bytes;
        mapped_bytes_ = usable_bytes_ + page_bytes;
        void* memory = ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(memory != MAP_FAILED);
        memory_ = static_cast<char*>(memory);
        CHECK(::mprotect(memory_ + usable_bytes_, page_bytes, PROT_NONE) == 0);
    }
    ~GuardedBuffer() { ::munmap(memory_, mapped_bytes_); }
    GuardedBuffer(const GuardedBuffer&) = delete;
    GuardedBuffer& operator=(const GuardedBuffer&) = delete;

    // A copy of `bytes`, until take_back() or the next place().
    [[nodiscard]] std::span<const char> place(std::string_view bytes) {
        CHECK(bytes.size() + padding_bytes_ <= usable_bytes_);
        placed_ = {memory_ + usable_bytes_ - padding_bytes_ - bytes.size(), bytes.size()};
        if (!bytes.empty()) std::memcpy(placed_.data(), bytes.data(), bytes.size());
        return placed_;
    }
    void take_back() {
        if (!placed_.empty()) std::memset(placed_.data(), '?', placed_.size());
        placed_ = {};
    }

  private:
    char* memory_ = nullptr;
    std::size_t usable_bytes_ = 0;
    std::size_t mapped_bytes_ = 0;
    std::size_t padding_bytes_;
    std::span<char> placed_;
};

}  // namespace sluice::tests
