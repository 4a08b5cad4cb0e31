#include "engine/io/buffer_ring.hpp"

#include <sys/mman.h>

#include "engine/core/check.hpp"

namespace sluice::io {

std::expected<std::unique_ptr<BufferRing>, int> BufferRing::open(io_uring* ring, std::uint32_t buffers_count,
                                                                 std::uint32_t buffer_bytes,
                                                                 std::uint32_t padding_bytes) {
    std::unique_ptr<BufferRing> buffers(new BufferRing);
    int error = 0;
    buffers->entries_ = io_uring_setup_buf_ring(ring, buffers_count, group_id, 0, &error);
    if (buffers->entries_ == nullptr) return std::unexpected(-error);
    buffers->ring_ = ring;
    buffers->buffers_count_ = buffers_count;
    buffers->buffer_bytes_ = buffer_bytes;
    buffers->stride_bytes_ = buffer_bytes + padding_bytes;
    void* memory = ::mmap(nullptr, std::size_t{buffers_count} * buffers->stride_bytes_, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    buffers->memory_ = static_cast<char*>(memory);
    for (std::uint32_t id = 0; id < buffers_count; ++id) buffers->give_back(static_cast<std::uint16_t>(id));
    buffers->publish();
    return buffers;
}

BufferRing::~BufferRing() {
    if (memory_ != nullptr) ::munmap(memory_, std::size_t{buffers_count_} * stride_bytes_);
    if (entries_ != nullptr) io_uring_free_buf_ring(ring_, entries_, buffers_count_, group_id);
}

void BufferRing::give_back(std::uint16_t buffer_id) {
    CHECK(buffer_id < buffers_count_ && given_back_count_ < buffers_count_);
    char* bytes = memory_ + std::size_t{buffer_id} * stride_bytes_;
    io_uring_buf_ring_add(entries_, bytes, buffer_bytes_, buffer_id, io_uring_buf_ring_mask(buffers_count_),
                          static_cast<int>(given_back_count_));
    ++given_back_count_;
}

std::uint32_t BufferRing::publish() {
    const std::uint32_t count = given_back_count_;
    if (count != 0) io_uring_buf_ring_advance(entries_, static_cast<int>(count));
    given_back_count_ = 0;
    return count;
}

}  // namespace sluice::io
