// BufferRing: the receive buffers of one reactor, which the kernel fills in ring order.
//
// Each buffer is followed by padding that the kernel never writes, so that parsers may read past its end.
// Buffers go back at the end of the iteration in which they were filled; none is ever parked on a connection.
//
// One owner thread: that of its loop.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <span>

#include "engine/core/check.hpp"

namespace sluice::io {

class BufferRing {
  public:
    static constexpr std::uint16_t group_id = 1;

    // `buffers_count` is a power of two, at most 32768. On failure the errno of io_uring_setup_buf_ring(3).
    [[nodiscard]] static std::expected<std::unique_ptr<BufferRing>, int> open(io_uring* ring,
                                                                              std::uint32_t buffers_count,
                                                                              std::uint32_t buffer_bytes,
                                                                              std::uint32_t padding_bytes);
    ~BufferRing();
    BufferRing(const BufferRing&) = delete;
    BufferRing& operator=(const BufferRing&) = delete;

    [[nodiscard]] const char* bytes_of(std::uint16_t buffer_id) const {
        CHECK(buffer_id < buffers_count_);
        return memory_ + std::size_t{buffer_id} * stride_bytes_;
    }
    // Marks a buffer as free; the kernel sees it after publish().
    void give_back(std::uint16_t buffer_id);
    // Makes all given-back buffers available; returns how many.
    std::uint32_t publish();

  private:
    BufferRing() = default;

    io_uring* ring_ = nullptr;
    io_uring_buf_ring* entries_ = nullptr;
    char* memory_ = nullptr;
    std::uint32_t buffers_count_ = 0;
    std::uint32_t buffer_bytes_ = 0;
    std::uint32_t stride_bytes_ = 0;
    std::uint32_t given_back_count_ = 0;
};

}  // namespace sluice::io
