// EpollLoop: the epoll backend of Loop, for machines where io_uring is forbidden, as in most containers. One thread.
//
// Edge-triggered: a socket is registered once, for everything, when it is accepted. Pausing, resuming, and waiting for
// room to send then cost no system call, and a paused peer that hangs up cannot make the loop spin (EPOLLHUP and
// EPOLLERR cannot be masked). The price is to remember what an edge said: `input`, and the list of slots that are
// still due. A receive that did not fill its room has emptied the socket (epoll(7), "Questions and answers"), so a
// request costs one recv(2) and one send(2).
// Listeners alone are level-triggered, so that what is left in the backlog is reported again.
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
#include <optional>
#include <string>
#include <vector>

#include "engine/core/lazy_array.hpp"
#include "engine/io/descriptor_table.hpp"
#include "engine/io/loop_base.hpp"

struct epoll_event;

namespace sluice::io {

class EpollLoop final : public LoopBase {
  public:
    // `events` outlives the loop.
    [[nodiscard]] static std::expected<std::unique_ptr<Loop>, LoopError> open(const LoopSettings& settings,
                                                                              Events& events);
    ~EpollLoop() override;

    // Makes the listeners non-blocking.
    void listen(std::span<const int> listeners_fd) override;
    void stop_listening() override;
    [[nodiscard]] bool is_listening() const override { return is_accepting_; }
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
    // What the last edge and the receives since say of a socket's input.
    enum class Input : std::uint8_t {
        empty,
        readable,
        hung_up,  // the end of the stream or an error is there: receive until it is found
    };
    // What the server is told next, at the latest in the next iteration. Each replaces those before it.
    enum class Notice : std::uint8_t { none, sent, failure, failure_told };

    // Zero is a slot that was never used.
    struct Socket {
        const char* send_begin;
        std::uint32_t send_bytes;  // left to send
        Life life;
        Input input;
        Notice notice;
        bool is_receive_wanted;  // by the server
        bool is_due;             // in due_
        bool is_check_due;       // of its input
    };

    EpollLoop(const LoopSettings& settings, Events& events, Waker waker, Descriptor epoll);
    [[nodiscard]] bool watch(int fd, std::uint32_t events, std::uint64_t data);

    void wait(std::uint64_t deadline_ns);
    [[nodiscard]] int wait_ms(std::uint64_t deadline_ns) const;
    void dispatch(const epoll_event& event);
    void finish_closing(std::size_t count);
    void serve_due();
    void make_due(Slot slot);
    void tell(Slot slot);

    void watch_listeners();
    void unwatch_listeners();
    void accept_some(ListenerIndex listener);
    void pause_accept(bool is_exhausted);
    [[nodiscard]] bool leaves_enough(int fd) const;
    [[nodiscard]] bool may_take_descriptors() const;
    void accept_if_possible();
    void open_slot(Descriptor descriptor, ListenerIndex listener);
    void stop_when_empty();

    void receive(Slot slot);
    void receive_ended(Slot slot, int result);
    void answer_check(Slot slot);
    void send_some(Slot slot);
    void fail(Slot slot);

    LazyArray<Socket> sockets_;
    DescriptorTable descriptors_;
    std::vector<char> buffer_;  // receive_buffer_bytes and padding_bytes behind
    std::vector<epoll_event> ready_;
    std::size_t ready_count_ = 0;
    std::vector<Slot> free_slots_;  // the lists' capacity is reserved: slots_count_max
    std::vector<Slot> due_;         // something to receive or to tell
    std::vector<Slot> due_before_;
    std::vector<Slot> closing_;      // on_closed is due
    std::vector<int> listeners_fd_;  // lent by the caller of listen()
    Descriptor epoll_;
    std::uint32_t descriptors_count_max_;  // that accepting may use up: the rest is left to others
};

}  // namespace sluice::io
