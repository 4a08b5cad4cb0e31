// ClientLoop: the event loop of a client that keeps many connections to servers, on io_uring. One thread, one ring.
//
// Slots are chosen by the caller: small, dense integers below slots_count_max, one connection each.
// Life of a slot: connect() → on_connected → (on_bytes | on_sent)* → on_ended, or on_failed at any time; then the
// caller calls close(), and after on_closed it may connect() the slot again. After close() only on_closed comes.
//
// It differs from UringLoop, the servers' loop, where a client can be cheaper: a send whose bytes the caller will not
// touch before the peer has answered posts no completion, so that waiting for one completion waits for an answer. A
// socket is made and set up by socket(2) and lives in the ring's own table of descriptors from then on.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <vector>

#include "engine/core/slot.hpp"
#include "engine/io/buffer_ring.hpp"
#include "engine/io/loop_base.hpp"
#include "engine/io/ring.hpp"
#include "engine/io/user_data.hpp"

namespace sluice::io {

// What the client does with events. Called from within run_once().
class ClientEvents {
  public:
    virtual void on_connected(Slot slot) = 0;
    virtual void on_bytes(Slot slot, std::span<const char> bytes) = 0;  // valid during the call only
    virtual void on_sent(Slot slot) = 0;  // of Notice::when_sent
    virtual void on_ended(Slot slot) = 0;  // the peer sends no more
    virtual void on_failed(Slot slot, int error) = 0;  // errno of connect, receive or send; once
    virtual void on_closed(Slot slot) = 0;

  protected:
    ~ClientEvents() = default;
};

// When the bytes of a send may be changed: after the peer has answered them, or after on_sent().
enum class Notice : std::uint8_t { none, when_sent };

class ClientLoop {
  public:
    // Call on the thread that runs the loop. `events` outlives it. Needs Linux 6.0 (multishot receive, direct
    // descriptors) and RLIMIT_NOFILE >= slots_count_max.
    [[nodiscard]] static std::expected<std::unique_ptr<ClientLoop>, LoopError> open(const LoopSettings& settings,
                                                                                    ClientEvents& events);
    ~ClientLoop();

    // Begins to connect. An error of socket(2) comes back as errno, and no event follows.
    [[nodiscard]] std::expected<void, int> connect(Slot slot, const sockaddr_storage& address, socklen_t address_bytes);
    // One send with Notice::when_sent at a time, and none behind it until on_sent().
    void send(Slot slot, std::span<const char> bytes, Notice notice);
    void close(Slot slot);

    // Submits what was asked for, waits for an event until `deadline_ns` (monotonic; past: does not wait) and delivers
    // all. `spin_ns`: the last of that time is not slept, since to be woken takes tens of µs on an idle core, and more
    // in a virtual machine; it returns before that time, to be called again.
    void run_once(std::uint64_t deadline_ns, std::uint64_t spin_ns = 0);
    // Time that was spun away so far.
    [[nodiscard]] std::uint64_t spun_ns() const { return spun_ns_; }

    // From connect() to on_closed().
    [[nodiscard]] bool is_open(Slot slot) const { return sockets_[slot].life != Life::closed; }

  private:
    // Zero is a slot that was never used.
    struct Socket {
        sockaddr_storage address;  // until connected
        std::uint32_t generation;
        const char* send_begin;  // of a send with notice
        std::uint32_t send_bytes;
        std::uint16_t operations_count;  // in flight, quiet sends excepted
        socklen_t address_bytes;
        Life life;
        bool has_failed;  // and was told of
    };

    ClientLoop(const LoopSettings& settings, ClientEvents& events, std::unique_ptr<Ring> ring);
    [[nodiscard]] bool is_alive(Slot slot) const { return sockets_[slot].life == Life::open; }
    [[nodiscard]] io_uring_sqe* submission(Operation operation, Slot slot);
    void arm_receive(Slot slot);
    void arm_send(Slot slot);
    void close_when_quiet(Slot slot);
    void dispatch(std::uint64_t user_data, int result, std::uint32_t flags);
    void arm_connect(Slot slot);
    void cancel_all(Slot slot);
    void take_bytes(Slot slot, int result, std::uint32_t flags);
    void on_receive(Slot slot, int result, bool is_armed);
    void on_connect(Slot slot, int result);
    void on_cancel(Slot slot, int result);
    void on_close(Slot slot, int result);
    void on_send(Slot slot, int result);
    void fail(Slot slot, int error);

    ClientEvents& events_;
    std::unique_ptr<Ring> ring_;
    std::unique_ptr<BufferRing> buffers_;
    std::vector<Socket> sockets_;
    std::uint64_t spun_ns_ = 0;
    std::vector<UserData> starved_;  // receives that found no buffer in this iteration
};

}  // namespace sluice::io
