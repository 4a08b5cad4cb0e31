// The 64 bits that io_uring hands back with each completion: operation, generation, slot.
//
// The generation is the slot's at submission. It changes when the slot's socket is closed, so a completion that comes
// later is known as stale. Only that of a close may be: any other fails a CHECK, for a slot is not free before all of
// its operations have completed.
// Operations of a listener name its index instead of a slot, and have no generation.
#pragma once

#include <cstdint>

namespace sluice::io {

enum class Operation : std::uint8_t {
    accept = 1,
    cancel_accept,
    poll_listener,
    receive,
    poll,  // until a socket is readable, where receive() has no buffers
    send,
    shutdown,
    close,
    cancel,
    wake,
    lend_descriptor,  // done when it is submitted
    connect,
    input_check,
    quiet_send,  // a send of which only a failure is told (ClientLoop)
};

struct UserData {
    Operation operation;
    std::uint32_t generation;  // 24 bits
    std::uint32_t slot;
};

inline constexpr std::uint32_t generation_mask = 0xff'ffff;

[[nodiscard]] constexpr std::uint64_t encode(UserData data) {
    return (std::uint64_t{static_cast<std::uint8_t>(data.operation)} << 56) |
           (std::uint64_t{data.generation & generation_mask} << 32) | data.slot;
}

[[nodiscard]] constexpr UserData decode(std::uint64_t bits) {
    return {static_cast<Operation>(bits >> 56), static_cast<std::uint32_t>(bits >> 32) & generation_mask,
            static_cast<std::uint32_t>(bits)};
}

static_assert(decode(encode({Operation::send, 0xab'cdef, 0x1234'5678})).slot == 0x1234'5678);
static_assert(decode(encode({Operation::send, 0xab'cdef, 0x1234'5678})).generation == 0xab'cdef);
static_assert(decode(encode({Operation::wake, 0, 0})).operation == Operation::wake);

}  // namespace sluice::io
