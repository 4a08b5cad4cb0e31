// Loop: the event loop that a server runs on, free of any backend.
//
// One thread owns a loop and makes every call but wake(). Sockets are named by slots, small integers that are
// dense and reused. A loop moves bytes; it knows nothing of HTTP.
//
// Life of a slot: on_open → (on_bytes | on_end_of_stream | on_sent)* → on_closed. After close() no event but
// on_closed comes for the slot, and that only when the kernel holds nothing of it any more, so bytes given to
// send() must stay where they are until on_sent or on_closed.
//
// A loop serves several listeners, whose connections share its slots.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/core/limits.hpp"
#include "engine/core/slot.hpp"

namespace sluice::io {

using sluice::Slot;

// Names one of the listeners that a loop was given, by its place among them.
using ListenerIndex = std::uint8_t;
static_assert(limits::listeners_count_max <= 1u << 8 * sizeof(ListenerIndex));

// What the server does with events. Called on the loop's thread, from within run_once().
class Events {
  public:
    virtual void on_open(Slot slot, ListenerIndex listener) = 0;
    // `bytes` are valid during the call only; at least LoopSettings::padding_bytes are readable behind them.
    virtual void on_bytes(Slot slot, std::span<const char> bytes) = 0;
    virtual void on_end_of_stream(Slot slot) = 0;         // the peer sends no more; sending may still work
    // After check_input(): whether neither bytes nor an end wait in the kernel. Events of what waited before came
    // before.
    virtual void on_input_checked(Slot slot, bool is_empty) = 0;
    virtual void on_sent(Slot slot) = 0;                  // all bytes of the last send() were taken by the kernel
    virtual void on_failed(Slot slot) = 0;                // the connection broke; the server must call close()
    virtual void on_closed(Slot slot) = 0;
    virtual void on_iteration(std::uint64_t now_ns) = 0;  // first in each iteration; monotonic time
    virtual void on_iteration_end() = 0;                  // last in each iteration: hand over, send

  protected:
    ~Events() = default;
};

struct LoopSettings {
    std::uint32_t ring_entries_count = 1024;
    std::uint32_t receive_buffer_bytes = 16 * 1024;
    std::uint32_t receive_buffers_count = 128;  // a power of two
    std::uint32_t padding_bytes = limits::body_padding_bytes;
    std::uint32_t slots_count_max = 16 * 1024;
    std::uint64_t busy_wait_ns = 0;  // how long a busy loop lets completions gather; io_uring only
    // Descriptors of the process that accepting leaves to others (sinks, admin); where sockets are ordinary ones.
    std::uint32_t spare_descriptors_count = 0;
    // Fallbacks of io_uring, taken whether the kernel has the feature or not.
    bool without_defer_taskrun = false;
    bool without_multishot = false;  // of receives
    bool without_buffer_ring = false;
};

// Why a loop could not be made. One sentence, with what to do about it.
struct LoopError {
    std::string sentence;
    bool is_unavailable = false;  // the backend does not exist on this machine (exit code 3)
    bool is_for_memory = false;  // locked memory was refused (ENOMEM)
};

struct LoopCounters {
    std::uint64_t iterations = 0;
    std::uint64_t accepted = 0;
    std::uint64_t accept_errors = 0;
    std::uint64_t accept_pauses = 0;       // times that accepting stopped for want of slots or descriptors
    std::uint64_t buffer_shortages = 0;    // receives that found no provided buffer
    // Of the kernel, that tell of a bug there or here; the connection is closed.
    std::uint64_t unexpected_results_count = 0;
    std::uint64_t receives = 0;  // buffers of bytes handed to the server
    std::uint64_t received_bytes = 0;
    std::uint64_t sent_bytes = 0;
    std::uint64_t open_slots = 0;
    std::uint64_t iteration_ns_last = 0;  // of the last whole iteration: time from one wait to the next
    std::uint64_t iteration_ns_max = 0;  // the longest; see forget_longest_iteration()
};

class Loop {
  public:
    virtual ~Loop() = default;

    // Starts to accept on all of `listeners_fd`, once. The caller keeps them open while is_listening().
    virtual void listen(std::span<const int> listeners_fd) = 0;
    // Accepts what waits in the backlogs, in the next iterations, and then no more. Who keeps on connecting prolongs
    // that: see drop_handshakes() of engine/io/listener.hpp.
    virtual void stop_listening() = 0;
    // False once stop_listening() is through: nobody waits in the backlogs, and the kernel uses no listener any more.
    [[nodiscard]] virtual bool is_listening() const = 0;

    // One send at a time for each slot.
    virtual void send(Slot slot, std::span<const char> bytes) = 0;
    virtual void pause_receive(Slot slot) = 0;  // bytes already on their way may still arrive
    virtual void resume_receive(Slot slot) = 0;
    // on_input_checked() tells, once, soon. One check at a time for each slot, while it receives.
    virtual void check_input(Slot slot) = 0;
    virtual void shutdown_send(Slot slot) = 0;  // half-close: the peer reads the end of stream
    virtual void close(Slot slot) = 0;
    // Who is at the other end of an open slot, for the log: `127.0.0.1:50000`, `[::1]:50000`, `unix`; `unknown` where
    // the kernel does not tell. Costs system calls.
    [[nodiscard]] virtual std::string peer_of(Slot) { return "unknown"; }
    // Bytes sent to an open slot that its peer has not read, as far as the kernel can tell. While a send waits for room
    // the number changes if and only if the peer reads; it means nothing else (for a Unix socket the kernel counts its
    // own overhead, too). Null where the kernel does not tell. Costs system calls.
    [[nodiscard]] virtual std::optional<std::uint64_t> unread_bytes(Slot) { return std::nullopt; }

    // Waits for events until `deadline_ns` (monotonic; 0: no limit) and delivers them.
    virtual void run_once(std::uint64_t deadline_ns) = 0;

    // Any thread: makes run_once() return soon.
    virtual void wake() = 0;

    [[nodiscard]] virtual const LoopCounters& counters() const = 0;
    // Accepting has stopped for want of slots or descriptors: clients wait in the backlogs.
    [[nodiscard]] virtual bool is_full() const { return false; }
    virtual void forget_longest_iteration() = 0;
    [[nodiscard]] virtual const std::string& mode() const = 0;  // which features are in use, for the log
};

}  // namespace sluice::io
