// TlsLoop: a Loop whose connections through some listeners speak TLS. It stands between a loop of the kernel and the
// server: sealed bytes on one side, plain ones on the other. Connections through the other listeners are passed on as
// they are. A server without a TLS listener has none.
//
//     handshaking ── done ──→ open ── close() ──→ ending ── sent, and the peer's end or 2 s ──→ closing → (closed)
//          └── failed, late, evicted: on_failed(), and the server calls close() ──^                ^
//                                                     └──── nothing to say, broken ─────────────────┘
//
// The server hears of a connection when it is accepted, and of its bytes when the handshake is done. `ending`: the
// server is done with it; an alert or close_notify is on its way, and closing at once might destroy it.
//
// Bounds. Handshakes: limits::handshake_steps_count_max steps in an iteration; what comes for others waits, and they
// are not read meanwhile. A handshake has tls.handshake_timeout. A connection that is silent has no session yet. While
// the loop accepts nobody for want of slots, the oldest handshakes are ended.
//
// Rejected: TLS inside the connection or the loops, which would cost plain connections a branch at each event, and
// would be there twice.
//
// The thread of its server, but for wake().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/core/lazy_array.hpp"
#include "engine/io/loop.hpp"
#include "engine/log/log.hpp"
#include "engine/metrics/latency_histogram.hpp"
#include "engine/server/slot_queue.hpp"
#include "engine/server/tls_settings.hpp"
#include "engine/tls/cipher_blocks.hpp"
#include "engine/tls/context.hpp"
#include "engine/tls/counters.hpp"
#include "engine/tls/session.hpp"

namespace sluice {

class TlsLoop final : public io::Loop, private io::Events {
  public:
    // How long an ended connection may take to read its last bytes.
    static constexpr std::uint64_t linger_ns = 2'000'000'000;
    // A handshake that is younger is not evicted: its client may be about to answer.
    static constexpr std::uint64_t eviction_age_ns_min = 200'000'000;
    // A record that has begun to arrive counts as input that waits, for this long.
    static constexpr std::uint64_t record_patience_ns = 1'000'000'000;

    // `events` outlives it.
    TlsLoop(const io::LoopSettings& loop, TlsSettings settings, io::Events& events);
    ~TlsLoop() override;

    // What the loop below calls. Once, before anything else: that loop.
    [[nodiscard]] io::Events& events_below() { return *this; }
    void set_loop(std::unique_ptr<io::Loop> loop) { loop_ = std::move(loop); }

    // Before listen(): bit i is set if the listener with index i speaks TLS.
    void set_tls_listeners(std::uint64_t listeners_mask) { tls_listeners_mask_ = listeners_mask; }
    // For new connections.
    void set_context(std::shared_ptr<const tls::Context> context) { settings_.context = std::move(context); }
    // Who is at the other end of an open slot, by its certificate; null: it has shown none.
    [[nodiscard]] const tls::ClientIdentity* client_of(Slot slot) const;
    [[nodiscard]] tls::Counters tls_counters() const;
    // From when each was accepted until it was done.
    [[nodiscard]] const LatencyHistogram& handshakes() const { return handshake_times_; }
    void reset_tls_counters();

    void listen(std::span<const int> listeners_fd) override { loop_->listen(listeners_fd); }
    void stop_listening() override { loop_->stop_listening(); }
    [[nodiscard]] bool is_listening() const override { return loop_->is_listening(); }
    void send(Slot slot, std::span<const char> bytes) override;
    void pause_receive(Slot slot) override;
    void resume_receive(Slot slot) override;
    void check_input(Slot slot) override { loop_->check_input(slot); }
    void shutdown_send(Slot slot) override;
    void close(Slot slot) override;
    [[nodiscard]] std::string peer_of(Slot slot) override { return loop_->peer_of(slot); }
    [[nodiscard]] std::optional<std::uint64_t> unread_bytes(Slot slot) override { return loop_->unread_bytes(slot); }
    void run_once(std::uint64_t deadline_ns) override;
    void wake() override { loop_->wake(); }
    [[nodiscard]] const io::LoopCounters& counters() const override { return loop_->counters(); }
    [[nodiscard]] bool is_full() const override { return loop_->is_full(); }
    void forget_longest_iteration() override { loop_->forget_longest_iteration(); }
    [[nodiscard]] const std::string& mode() const override { return loop_->mode(); }

  private:
    // Zero is a connection without TLS, or none.
    enum class State : std::uint8_t { plain, handshaking, open, ending, closing };

    struct Connection {
        SlotQueueNode node;  // in handshakes_ or endings_
        tls::Session* session;  // from the first byte on
        tls::CipherBlock* sending;  // the kernel has it
        State state;
        bool owes_sent;  // the server waits for on_sent
        bool wants_shutdown;
        bool was_shut_down;
        bool is_paused;  // by the server
        bool is_waiting;  // for its turn to shake hands
        bool has_told_end;  // the server knows that the peer sends no more
        bool has_stream_ended;  // the peer's last byte has come
        bool has_failed;  // the server is to be told, in the next iteration
        bool is_due;  // in due_
        bool is_evicted;
    };

    void on_open(Slot slot, io::ListenerIndex listener) override;
    void on_bytes(Slot slot, std::span<const char> bytes) override;
    void on_end_of_stream(Slot slot) override;
    void on_input_checked(Slot slot, bool is_empty) override;
    void on_sent(Slot slot) override;
    void on_failed(Slot slot) override;
    void on_closed(Slot slot) override;
    void on_iteration(std::uint64_t now_ns) override;
    void on_iteration_end() override { events_.on_iteration_end(); }

    [[nodiscard]] SlotQueueNode& node_of(Slot slot) { return connections_[slot].node; }
    [[nodiscard]] auto nodes() {
        return [this](Slot slot) -> SlotQueueNode& { return node_of(slot); };
    }
    void on_handshake_bytes(Slot slot, std::span<const char> bytes);
    void wait_for_turn(Slot slot, std::span<const char> bytes);
    void shake_hands(Slot slot, std::span<const char> bytes);
    void refuse_plain_http(Slot slot);
    void on_handshake_done(Slot slot);
    void on_handshake_failed(Slot slot, tls::HandshakeFailure failure);
    void log_handshake(Slot slot);
    void log_failure(Slot slot, tls::HandshakeFailure failure);
    void read_plain(Slot slot);
    void tell_end(Slot slot);
    void break_session(Slot slot);
    [[nodiscard]] bool open_session(Slot slot);
    void send_next(Slot slot);
    void end(Slot slot);
    void make_due(Slot slot);
    void serve_due();
    void expire();
    void evict();
    void drop(Slot slot);
    [[nodiscard]] std::uint64_t next_deadline_ns() const;

    TlsSettings settings_;
    io::Events& events_;
    std::uint64_t tls_listeners_mask_ = 0;
    tls::CipherPool pool_;
    LazyArray<Connection> connections_;
    std::vector<char> plain_;  // what a record held
    std::size_t padding_bytes_;
    SlotQueue handshakes_;
    SlotQueue endings_;
    std::vector<Slot> due_;
    std::vector<Slot> due_before_;  // those that serve_due() goes through
    std::uint64_t now_ns_ = 0;  // begin of this iteration
    std::uint32_t steps_left_count_ = 0;
    std::uint64_t evicted_count_ = 0;  // whose slots are not free yet
    tls::Counters tls_counters_;
    LatencyHistogram handshake_times_;
    log::RateLimited failure_log_;
    std::unique_ptr<io::Loop> loop_;  // last: destroyed first, so that the kernel lets go of the blocks
};

}  // namespace sluice
