// EpollLoop: the epoll backend of Loop, for machines where io_uring is forbidden, as in most containers. One thread.
//
// Edge-triggered: a socket is registered once, for everything, when it is accepted. Pausing, resuming, and waiting for
// room to send then cost no system call, and a paused peer that hangs up cannot make the loop spin (EPOLLHUP and
// EPOLLERR cannot be masked). The price is to remember what an edge said: `is_readable`, and the list of slots that are
// still due. A receive that did not fill its room has emptied the socket (epoll(7), "Questions and answers"), so a
// request costs one recv(2) and one send(2).
// The listener alone is level-triggered, so that what is left in the backlog is reported again.
// Rejected: level-triggered sockets, which need epoll_ctl(2) at each pause and at each send that finds no room.
//
// Calls of the server never call back: what a send or a close leads to is delivered in the next iteration, which then
// does not sleep.
//
// Fairness: one connection is handed at most receives_per_turn_max buffers in an iteration.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/core/lazy_array.hpp"
#include "engine/io/loop.hpp"

struct epoll_event;

namespace sluice::io {

class EpollLoop final : public Loop {
  public:
    // `events` outlives the loop.
    [[nodiscard]] static std::expected<std::unique_ptr<Loop>, LoopError> open(const LoopSettings& settings,
                                                                              Events& events);
    ~EpollLoop() override;

    // Makes the listener non-blocking.
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
    enum class Failure : std::uint8_t { none, due, told };

    // Zero is a slot that was never used.
    struct Socket {
        int fd;
        const char* send_begin;
        std::uint32_t send_bytes;  // left to send
        bool open;
        bool closing;
        bool receive_wanted;
        bool is_readable;  // an edge said so, and no receive has found it empty since
        bool has_hung_up;  // the end of the stream or an error is there: receive until it is found
        bool is_due;  // in due_
        bool has_sent;  // on_sent is due
        Failure failure;
    };

    EpollLoop(const LoopSettings& settings, Events& events);
    [[nodiscard]] bool set_up();
    [[nodiscard]] bool watch(int fd, std::uint32_t events, std::uint64_t data) const;

    void wait(std::uint64_t deadline_ns);
    void end_iteration();
    [[nodiscard]] int wait_ms(std::uint64_t deadline_ns) const;
    void dispatch(const epoll_event& event);
    void finish_closing(std::size_t count);
    void serve_due();
    void make_due(Slot slot);

    void watch_listener();
    void unwatch_listener();
    void accept_some();
    void pause_accept(std::uint64_t retry_ns);
    [[nodiscard]] bool leaves_enough(int fd) const;
    [[nodiscard]] bool may_take_descriptors() const;
    void accept_if_possible();
    void open_slot(int fd);
    void take_backlog();
    void open_last_accepted();

    void receive(Slot slot);
    void receive_ended(Slot slot, int result);
    void send_some(Slot slot);
    void fail(Slot slot);

    LoopSettings settings_;
    Events& events_;
    LazyArray<Socket> sockets_;
    std::vector<char> buffer_;  // receive_buffer_bytes and padding_bytes behind
    std::vector<epoll_event> ready_;
    std::size_t ready_count_ = 0;
    std::vector<Slot> free_slots_;  // the lists' capacity is reserved: slots_count_max
    std::vector<Slot> due_;  // something to receive or to tell
    std::vector<Slot> due_before_;
    std::vector<Slot> closing_;  // on_closed is due
    std::vector<int> last_accepted_;  // by stop_listening(); on_open is due
    int epoll_fd_ = -1;
    int wake_fd_ = -1;
    int listener_fd_ = -1;
    std::uint32_t descriptors_count_max_;  // that accepting may use up: the rest is left to others
    bool listening_ = false;
    bool is_accept_paused_ = false;
    std::uint64_t accept_retry_ns_ = 0;  // monotonic; 0: only slots that come free end the pause
    std::size_t free_slots_to_accept_ = 0;  // which end it
    std::uint64_t now_ns_ = 0;  // begin of this iteration
    std::uint64_t iteration_end_ns_ = 0;
    LoopCounters counters_;
    std::string mode_ = "edge_triggered";
};

}  // namespace sluice::io
