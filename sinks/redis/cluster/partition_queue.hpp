// PartitionQueue: all batches of one partition that a cluster sink holds, in order, and how far they got. No socket.
//
// A partition is one stream, hence one key, one slot, and at any time one node: that is what keeps the order of a
// device's samples through redirects. Its commands are on the wire to one node only. Once one of them is answered
// MOVED, ASK or "not now", every reply behind it is passed over until none is due; then everything from that command on
// is sent again, in order, to whoever is right by then, before anything newer. (A node answers in order and a slot does
// not come back within a window, so what is passed over was redirected too. If it was executed after all, it is stored
// twice: at least once, never less.)
//
// Built on a DeliveryWindow, which keeps account of replies and refusals; what does not fit there waits in a list. For
// the window a redirect is a connection that was lost before that command was answered.
//
//     flowing ── redirect ──> passing over ── no reply due ──> go_to() ──> flowing | asking | probing
//        asking: one batch goes out with ASKING before each command; then the slot's owner is asked again
//        probing: one command alone, behind a pause; the rest follows when it went through
//
// Behind a batch of which a request wants replicas goes a WAIT, on the node that takes the batch and before anything
// else of that node's connection. What became of a batch over two nodes or connections is not confirmed.
//
// Sink thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <sys/uio.h>

#include "sinks/breaker.hpp"
#include "sinks/redis/cluster/redirect.hpp"
#include "sinks/redis/link/retry_policy.hpp"
#include "sinks/redis/link/settings.hpp"
#include "sinks/redis/window/delivery_window.hpp"
#include "sinks/sink.hpp"

namespace sluice::sinks::redis {

class Node;

class PartitionQueue {
  public:
    // `port` and the figures outlive the queue.
    PartitionQueue(std::uint16_t slot, CompletionPort& port, DeliveryFigures& figures, ClusterFigures& cluster,
                   const RedisSettings& settings);

    [[nodiscard]] std::uint16_t slot() const { return slot_; }
    void submit(Batch& batch);
    [[nodiscard]] bool empty() const { return window_.empty() && first_waiting_ == nullptr; }

    // --- what a node sends -------------------------------------------------------------------------------
    enum class Turn : std::uint8_t {
        nothing,
        rest,  // only what is partly sent
        front,  // the first batch alone
        all,
        staged,  // stage() instead of gather()
    };
    [[nodiscard]] Turn turn(std::uint64_t now_ns) const;
    // As DeliveryWindow::gather(): a batch and its WAIT are given together, so `pieces` has two at least. `turn` as
    // turn() has just said it.
    [[nodiscard]] std::size_t gather(std::span<iovec> pieces, Turn turn);
    // Of what gather() gave. Returns how many replies are due for it beside those that were before.
    [[nodiscard]] std::uint32_t sent(std::size_t bytes);
    // What was sent ends within a batch, or before its WAIT: the rest goes next.
    [[nodiscard]] bool is_partly_sent() const { return window_.is_partly_sent(); }
    // Appends what is to be sent to `bytes`, and counts it as sent. Returns the number of commands, WAIT among them;
    // with is_asking(), an ASKING stands before each.
    [[nodiscard]] std::uint32_t stage(std::string& bytes);
    [[nodiscard]] bool is_asking() const { return is_asking_; }
    // The batch that went out with ASKING is answered.
    [[nodiscard]] bool has_asked() const { return is_asking_ && is_asked_ && is_drained(); }

    // --- what it hears -----------------------------------------------------------------------------------
    // False if no reply was due: the connection can no longer be trusted. `error`: text of an error reply.
    [[nodiscard]] bool reply_ok(std::uint64_t now_ns);
    [[nodiscard]] bool reply_error(std::string_view error, std::uint64_t now_ns);
    // May settle a batch: a WAIT of which no other connection can tell.
    void connection_lost(std::uint64_t now_ns);
    // The next reply is that of a WAIT, and goes to reply_wait() instead of the two above.
    [[nodiscard]] bool is_wait_due() const { return has_waits_ && !is_passing_over() && window_.wait_is_due(); }
    // The next reply may be that of a WAITAOF: an array of integers.
    [[nodiscard]] bool takes_integers() const { return has_waits_ && (is_passing_over() || window_.wait_is_due()); }
    // `is_replicated`: enough replicas have what was sent. `error`: the error reply that it was, or empty.
    [[nodiscard]] bool reply_wait(bool is_replicated, std::string_view error, std::uint64_t now_ns);
    // After replies were read: sets the time of the next try for what Redis refused.
    void schedule_retry(std::uint64_t now_ns);

    // --- where it goes -----------------------------------------------------------------------------------
    // Where its commands are, and go; null: nowhere yet.
    [[nodiscard]] Node* node() const { return node_; }
    [[nodiscard]] bool is_drained() const { return replies_due_count_ == 0; }
    // A redirect was seen, and all that follows is passed over. The first that was, until go_to() or a lost connection.
    [[nodiscard]] const Redirect& redirect() const { return redirect_; }
    // Needs is_drained(). Nothing is sent before `not_before_ns` (0: at once), and after a pause one command first. May
    // settle a batch, as connection_lost().
    void go_to(Node* node, bool is_asking, std::uint64_t not_before_ns, std::uint64_t now_ns);
    // The node is connected, and this is its WAIT or WAITAOF. Before anything is sent over the connection.
    void set_wait_command(std::string command) { window_.set_wait_command(std::move(command)); }
    // Sends nothing new, so that it drains.
    void hold(bool is_held) { is_held_ = is_held; }
    // Whether it may have to go elsewhere although the slots' owners are the same as before.
    [[nodiscard]] bool wants_route() const {
        return is_held_ || is_asking_ || node_ == nullptr || redirect_.kind != Redirect::Kind::none;
    }

    // Redirects since a command last went through, and how long to pause after too many or a "not now".
    [[nodiscard]] std::uint32_t redirects_in_row_count() const { return redirects_in_row_count_; }
    [[nodiscard]] std::uint64_t next_pause_ns() { return retry_.next_pause_ns(); }

    // Whether it is worth waiting for the partition: open after as many failures in a row as the settings say. The
    // owner's connection failed, the owner is not known, or it said "not now".
    void record_failure() { breaker_.failed(Breaker::Failure::connection); }
    // Its owner is connected. Enough of a success where nothing is to be sent; else a command has to go through.
    void record_connected() {
        if (empty()) breaker_.succeeded();
    }
    [[nodiscard]] const Breaker& breaker() const { return breaker_; }

    // Monotonic time at which it wants a turn although nothing happens; 0: never.
    [[nodiscard]] std::uint64_t deadline_ns(std::uint64_t now_ns) const;
    // It holds batches that Redis refused, or that nobody takes for now.
    [[nodiscard]] bool is_stalled() const { return window_.is_stalled() || (is_probing_ && !empty()); }
    // Text of the last error reply, since nothing went through; empty: all is well.
    [[nodiscard]] const std::string& last_error() const { return last_error_; }

    // See DeliveryWindow.
    [[nodiscard]] std::uint64_t waits_count() const { return window_.waits_count(); }
    [[nodiscard]] std::uint64_t waits_short_count() const { return window_.waits_short_count(); }
    // The last WAIT was answered with an error.
    [[nodiscard]] bool is_wait_refused() const { return is_wait_refused_; }

  private:
    [[nodiscard]] bool is_passing_over() const { return redirect_.kind != Redirect::Kind::none; }
    void refill();
    void went_through();

    const std::uint16_t slot_;
    const bool has_waits_;  // there may be batches that want replicas
    DeliveryFigures& figures_;
    ClusterFigures& cluster_;
    DeliveryWindow window_;
    Batch* first_waiting_ = nullptr;  // a list over Batch::next
    Batch* last_waiting_ = nullptr;

    Node* node_ = nullptr;
    std::size_t replies_due_count_ = 0;
    bool is_held_ = false;
    bool is_asking_ = false;
    bool is_asked_ = false;  // something was staged since go_to()
    bool is_probing_ = false;
    Redirect redirect_;
    std::uint32_t redirects_in_row_count_ = 0;
    std::uint64_t not_before_ns_ = 0;

    Breaker breaker_;

    RefusalRetry retry_;  // window stalled: when the front batch is tried again
    std::uint64_t whole_batches_seen_count_ = 0;
    std::string last_error_;
    bool is_wait_refused_ = false;
};

}  // namespace sluice::sinks::redis
