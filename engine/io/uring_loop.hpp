// UringLoop: the io_uring backend of Loop. One thread, one ring.
//
// Receive, in order of preference (mode() tells which is in use):
//   multishot receive into provided buffers  →  one-shot receive into provided buffers  →  poll, then recv(2).
// Accept: multishot, into direct descriptors where they can be registered (an accepted socket then costs no
// entry in the process's descriptor table), else into ordinary descriptors.
//
// Fairness: the kernel ends a multishot receive's turn after 32 buffers (MULTISHOT_MAX_RETRY in io_uring/net.c), so
// one connection is handed at most 32 × receive_buffer_bytes in an iteration.
//
// A socket is closed only when no operation of it is in flight: closing a direct descriptor under an armed
// multishot would leave the socket alive behind it.
//
// uring_loop.cpp submits, uring_completions.cpp judges what comes back, uring_accept.cpp does both for the listeners.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/lazy_array.hpp"
#include "engine/io/buffer_ring.hpp"
#include "engine/io/descriptor_table.hpp"
#include "engine/io/loop_base.hpp"
#include "engine/io/ring.hpp"
#include "engine/io/user_data.hpp"

namespace sluice::io {

class UringLoop final : public LoopBase {
  public:
    // Call on the thread that will run the loop. `events` outlives the loop.
    [[nodiscard]] static std::expected<std::unique_ptr<Loop>, LoopError> open(const LoopSettings& settings,
                                                                              Events& events);
    ~UringLoop() override;

    void listen(std::span<const int> listeners_fd) override;
    void stop_listening() override;
    [[nodiscard]] bool is_listening() const override;
    void send(Slot slot, std::span<const char> bytes) override;
    void pause_receive(Slot slot) override;
    void resume_receive(Slot slot) override;
    void check_input(Slot slot) override;
    void shutdown_send(Slot slot) override;
    void close(Slot slot) override;
    [[nodiscard]] std::string peer_of(Slot slot) override;
    [[nodiscard]] std::optional<std::uint64_t> unread_bytes(Slot slot) override;
    void run_once(std::uint64_t deadline_ns) override;

  private:
    // The receive (or poll) of a socket.
    enum class ReceiveState : std::uint8_t {
        off,         // the kernel holds none
        armed,
        cancelling,  // the kernel was asked to end it
        starved,     // found no buffer; waits in starved_
    };

    // Zero is a slot that was never used.
    struct Socket {
        std::uint32_t generation;
        std::uint32_t send_bytes;        // left to send
        const char* send_begin;
        std::uint16_t operations_count;  // in flight: receive, input check, send, shutdown, cancels, close
        Life life;
        ReceiveState receive;
        bool is_receive_wanted;  // by the server
        bool is_unanswered;      // bytes came since the last send
    };

    // What the kernel does for a listener. It holds slots back for what may be accepted, see reserved_count().
    enum class AcceptState : std::uint8_t {
        idle,
        polled,       // no slot can be held back for it: the kernel tells when somebody waits
        waited_for,   // somebody waits
        armed_one,    // accepts one connection
        armed_many,   // multishot
        ending_one,   // cancelled, but not ended yet
        ending_many,
    };
    struct Acceptor {
        int fd = -1;  // lent, see listen()
        AcceptState state = AcceptState::idle;
    };

    enum class ReceiveMode : std::uint8_t { multishot, oneshot, poll };

    UringLoop(const LoopSettings& settings, Events& events, Waker waker, std::unique_ptr<Ring> ring);
    [[nodiscard]] std::expected<void, LoopError> set_up();
    void register_slots();
    [[nodiscard]] std::expected<void, LoopError> choose_receive_mode();

    [[nodiscard]] int target(Slot slot) const;
    void commit(io_uring_sqe* sqe, Operation operation, Slot slot);
    void arm_receive(Slot slot);
    void arm_send(Slot slot);
    void arm_shutdown(Slot slot, int how_code);
    void arm_wake();
    [[nodiscard]] int ordinary_descriptor(Slot slot);
    [[nodiscard]] int lend_descriptor(Slot slot);
    void cancel_receive(Slot slot);
    void cancel_all(Slot slot);
    void close_when_quiet(Slot slot);

    void dispatch(std::uint64_t user_data, int result, std::uint32_t flags);
    void dispatch_socket(UserData data, int result, std::uint32_t flags);
    void on_wake(int result);
    void on_receive(Slot slot, int result, std::uint32_t flags);
    void on_poll(Slot slot, int result);
    void receive_ready(Slot slot);
    void on_send(Slot slot, int result);
    void on_shutdown(Slot slot, int result);
    void on_input_check(Slot slot, int result);
    void on_cancel(Slot slot, int result);
    void on_close(Slot slot, int result);
    void release(Slot slot);
    void fail(Slot slot);
    void deliver(Slot slot, std::span<const char> bytes);
    void receive_ended(Slot slot, int result);
    void rearm_starved();

    void arm_accept(ListenerIndex index, bool is_multishot);
    void arm_poll(ListenerIndex index);
    void cancel_accept(ListenerIndex index);
    void on_accept(ListenerIndex index, int result, bool more);
    void on_listener_polled(ListenerIndex index, int result);
    void on_accept_cancelled(ListenerIndex index, int result);
    void take_accepted(ListenerIndex index, int result);
    void open_slot(Slot slot, ListenerIndex index);
    void accept_if_possible();
    void accept_at(ListenerIndex index);
    void cancel_one_armed();
    void stop_when_empty();
    [[nodiscard]] static std::uint64_t reserved_by(AcceptState state);
    [[nodiscard]] std::uint64_t reserved_count() const;

    void set_unanswered(Slot slot, bool is_unanswered);
    void wait(std::uint64_t deadline_ns);
    [[nodiscard]] std::uint32_t gatherable_count() const;
    [[nodiscard]] std::uint64_t wait_ns(std::uint64_t deadline_ns, std::uint64_t now_ns) const;

    std::unique_ptr<Ring> ring_;
    std::unique_ptr<BufferRing> buffers_;
    std::vector<char> scratch_;    // ReceiveMode::poll
    LazyArray<Socket> sockets_;
    DescriptorTable descriptors_;  // ordinary descriptors only, as free_slots_
    std::vector<Slot> starved_;    // capacity reserved: slots_count_max
    std::vector<Slot> starved_before_;
    std::vector<Slot> free_slots_;
    ReceiveMode receive_mode_ = ReceiveMode::multishot;
    bool is_direct_ = false;
    std::array<Acceptor, limits::listeners_count_max> acceptors_;
    std::size_t listeners_count_ = 0;
    std::size_t first_listener_index_ = 0;  // who is armed first, in turn
    std::uint64_t wake_value_ = 0;
    char peeked_ = 0;  // what check_input() sees, and nobody reads
    std::uint32_t receives_last_count_ = 0;  // in the last iteration
    std::uint32_t unanswered_count_ = 0;     // open slots whose last bytes were followed by no send
};

}  // namespace sluice::io
