// UringLoop: the io_uring backend of Loop. One thread, one ring.
//
// Receive, from the wished to the bearable (mode() tells which is in use):
//   multishot receive into provided buffers  →  one-shot receive into provided buffers  →  poll, then recv(2).
// Accept: multishot, into direct descriptors where they can be registered (an accepted socket then costs no
// entry in the process's descriptor table), else into ordinary descriptors.
//
// Fairness: the kernel ends a multishot receive's turn after 32 buffers (MULTISHOT_MAX_RETRY in io_uring/net.c), so
// one connection is handed at most 32 × receive_buffer_bytes in an iteration.
//
// A socket is closed only when no operation of it is in flight: closing a direct descriptor under an armed
// multishot would leave the socket alive behind it.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/core/lazy_array.hpp"
#include "engine/io/buffer_ring.hpp"
#include "engine/io/loop.hpp"
#include "engine/io/ring.hpp"
#include "engine/io/user_data.hpp"

namespace sluice::io {

class UringLoop final : public Loop {
  public:
    // Call on the thread that will run the loop. `events` outlives the loop.
    [[nodiscard]] static std::expected<std::unique_ptr<Loop>, LoopError> open(const LoopSettings& settings,
                                                                              Events& events);
    ~UringLoop() override;

    void listen(int listener_fd) override;
    void stop_listening() override;
    void send(Slot slot, std::span<const char> bytes) override;
    void pause_receive(Slot slot) override;
    void resume_receive(Slot slot) override;
    void shutdown_send(Slot slot) override;
    void close(Slot slot) override;
    void run_once(std::uint64_t deadline_ns) override;
    void wake() override;
    [[nodiscard]] const LoopCounters& counters() const override { return counters_; }
    void forget_longest_iteration() override { counters_.iteration_ns_max = 0; }
    [[nodiscard]] const std::string& mode() const override { return mode_; }

  private:
    // Zero is a slot that was never used.
    struct Socket {
        std::uint32_t generation;
        int fd;                          // ordinary descriptors only
        const char* send_begin;
        std::uint32_t send_bytes;        // left to send
        std::uint16_t operations_count;  // in flight: receive, send, shutdown, cancel, close
        bool open;
        bool closing;
        bool close_submitted;
        bool receive_wanted;
        bool receive_armed;
        bool receive_cancel_in_flight;
        bool starved;                    // waits in starved_ for a buffer
        bool unanswered;                 // bytes came since the last send
    };

    enum class ReceiveMode : std::uint8_t { multishot, oneshot, poll };

    UringLoop(const LoopSettings& settings, Events& events, std::unique_ptr<Ring> ring);
    [[nodiscard]] bool set_up();
    void register_slots();
    void choose_receive_mode();

    [[nodiscard]] int target(Slot slot) const;
    void commit(io_uring_sqe* sqe, Operation operation, Slot slot);
    void arm_accept();
    void arm_receive(Slot slot);
    void arm_send(Slot slot);
    void arm_wake();
    void cancel_receive(Slot slot);
    void close_when_quiet(Slot slot);

    void dispatch(std::uint64_t user_data, int result, std::uint32_t flags);
    void on_accept(int result, bool more);
    void on_receive(Slot slot, int result, std::uint32_t flags);
    void receive_ready(Slot slot);
    void on_send(Slot slot, int result);
    void on_close(Slot slot);
    void open_slot(Slot slot, int fd);
    void deliver(Slot slot, std::span<const char> bytes);
    void receive_ended(Slot slot, int result);
    void rearm_starved();
    void cancel_accept();
    void accept_if_possible();
    [[nodiscard]] std::uint64_t free_slots_count() const { return settings_.slots_count_max - counters_.open_slots; }
    [[nodiscard]] bool may_accept_many() const;
    void set_unanswered(Slot slot, bool unanswered);
    void wait(std::uint64_t deadline_ns);
    [[nodiscard]] std::uint32_t gatherable_count() const;
    void end_iteration();
    [[nodiscard]] std::uint64_t wait_ns(std::uint64_t deadline_ns, std::uint64_t now_ns) const;

    LoopSettings settings_;
    Events& events_;
    std::unique_ptr<Ring> ring_;
    std::unique_ptr<BufferRing> buffers_;
    std::vector<char> scratch_;             // ReceiveMode::poll
    LazyArray<Socket> sockets_;
    std::vector<Slot> starved_;             // capacity reserved: slots_count_max
    std::vector<Slot> starved_before_;
    std::vector<Slot> free_slots_;          // ordinary descriptors only
    ReceiveMode receive_mode_ = ReceiveMode::multishot;
    bool direct_ = false;
    int listener_fd_ = -1;
    bool listening_ = false;
    bool accept_armed_ = false;
    bool accept_is_multishot_ = false;      // and not about to end
    bool is_full_ = false;                  // no slot was free: waits until enough are
    std::uint64_t accept_retry_ns_ = 0;     // monotonic; 0: not waiting
    int wake_fd_ = -1;
    std::uint64_t wake_value_ = 0;
    std::uint32_t receives_last_count_ = 0;  // in the last iteration
    std::uint32_t unanswered_count_ = 0;  // open slots whose last bytes were followed by no send
    std::uint64_t now_ns_ = 0;            // begin of this iteration
    std::uint64_t iteration_end_ns_ = 0;
    LoopCounters counters_;
    std::string mode_;
};

}  // namespace sluice::io
