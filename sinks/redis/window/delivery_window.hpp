// DeliveryWindow: the batches that a Redis sink holds, from submit() to Settlement::final, and what became
// of each command. The bookkeeping of the sink without its socket: no descriptor, no clock; fuzzed as it is.
//
// Entries stand in the order of submission. Each is waiting, partly sent or sent; replies belong to the
// oldest entry that is in flight. Invariants:
//   - those in flight went over the wire in the order of the entries, so replies can be told apart;
//   - a command without a reply is never forgotten: a lost connection sets its entry back to waiting, at the
//     first command without a reply, so that confirmed ones are not stored twice;
//   - a refused command that no ticket covers (a `queued` sample) is kept, the arena compacted to such
//     commands, and from then on the window is stalled: nothing new is sent until the front entry went
//     through alone, so later batches do not overtake it more than those that were on the wire already;
//   - behind a batch whose tickets want replicas goes one WAIT, until the tickets are decided. It covers what this
//     connection has written, so of a batch that took two connections only what the last one sent;
//   - a batch's delivered + tickets_dropped equals the samples it was submitted with.
//
// Where one command carries all samples (layout `packed`), it is kept if any of its samples is `queued`; its
// tickets are then answered as refused although it may be stored later: at-least-once, never less.
//
// Sink thread only. Holds no more than limits::sink_window_batches_count_max batches; allocates at construction.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <sys/uio.h>

#include "engine/core/batch.hpp"
#include "engine/core/limits.hpp"
#include "sinks/sink.hpp"

namespace sluice::sinks::redis {

class DeliveryWindow {
  public:
    // `port` and `figures` must outlive the window.
    DeliveryWindow(CompletionPort& port, DeliveryFigures& figures);

    [[nodiscard]] bool has_room() const { return entries_count_ < entries_.size(); }
    [[nodiscard]] bool empty() const { return entries_count_ == 0; }
    // A sealed batch, not empty. Needs has_room().
    void submit(Batch& batch);

    // The WAIT or WAITAOF of this connection, as RESP. Before the first batch that wants replicas is sent, and again
    // only while nothing is in flight.
    void set_wait_command(std::string command);

    // A batch and its WAIT are two.
    static constexpr std::size_t pieces_count_max = 2 * limits::sink_window_batches_count_max;
    // Which batches may begin to be sent; those begun are always continued.
    enum class Begin { none, front_only, all };
    // Writes what to send next into `pieces` and returns how many it wrote. They are valid until the next call
    // of anything but const members; pieces_count_max always suffice. While stalled, `all` is not allowed; `front_only`
    // needs nothing in flight.
    [[nodiscard]] std::size_t gather(std::span<iovec> pieces, Begin begin) const;
    // The first `bytes` bytes of what gather() gave were sent.
    void sent(std::size_t bytes);
    [[nodiscard]] bool awaits_replies() const { return in_flight_count_ > 0; }

    // The next reply was read, at `now_ns`. May settle a batch. False if no reply was due: the connection
    // can no longer be trusted.
    [[nodiscard]] bool reply_ok(std::uint64_t now_ns);
    [[nodiscard]] bool reply_error(CommandOutcome outcome, std::uint64_t now_ns);
    // The next reply is that of a WAIT, and goes to reply_wait() instead of the two above.
    [[nodiscard]] bool wait_is_due() const;
    // `is_replicated`: enough replicas have what was sent.
    [[nodiscard]] bool reply_wait(bool is_replicated, std::uint64_t now_ns);

    // Replies that are still to come for what was begun, as if it were all sent; WAITs not counted.
    [[nodiscard]] std::size_t replies_due_count() const;

    // May settle a batch, at `now_ns`: a WAIT of which no other connection can tell.
    void connection_lost(std::uint64_t now_ns);

    // Commands are kept that Redis refused. Ends when the front entry went through.
    [[nodiscard]] bool is_stalled() const { return is_stalled_; }
    // Whether any batch was kept since the last call, and for the worst reason of its commands:
    // `delivered` means none was.
    [[nodiscard]] CommandOutcome take_kept_reason();
    // Batches settled with all their commands stored, since construction.
    [[nodiscard]] std::uint64_t whole_batches_count() const { return whole_batches_count_; }
    // Times that all commands of a batch were refused, since construction.
    [[nodiscard]] std::uint64_t refused_batches_count() const { return refused_batches_count_; }
    // WAITs that were answered, or failed, since construction; and those of them that confirmed too little.
    [[nodiscard]] std::uint64_t waits_count() const { return waits_count_; }
    [[nodiscard]] std::uint64_t waits_short_count() const { return waits_short_count_; }

  private:
    using CommandSet = std::bitset<limits::batch_commands_count_max>;

    struct Entry {
        Batch* batch = nullptr;
        std::uint32_t samples_submitted_count = 0;
        std::uint32_t delivered_count = 0;  // samples confirmed in finished rounds
        std::uint32_t tickets_dropped_count = 0;  // samples refused for good
        std::uint32_t replies_count = 0;  // commands answered in this round
        std::uint32_t wait_covers_from = 0;  // first command that the connection of the WAIT sent
        std::size_t sent_bytes = 0;  // of batch->bytes(), from its start, and then of the WAIT
        bool is_in_flight = false;  // at least one byte went over this connection
        bool waits = false;  // a WAIT goes behind the commands
        bool tickets_decided = false;  // tickets and outcomes are no longer ours to touch
        std::uint32_t failures_count = 0;  // error replies in this round; 0: `failed` is not looked at
        CommandSet failed;
        CommandSet refused;  // the part of `failed` that an operator has to mend

        // One command carries many samples (layout `packed`).
        [[nodiscard]] bool is_packed() const { return batch->command_count() == 1 && batch->sample_count() > 1; }
    };

    [[nodiscard]] Entry& at(std::size_t position) { return *order_[position]; }
    [[nodiscard]] const Entry& at(std::size_t position) const { return *order_[position]; }
    // Of what the entry sends in this round, the WAIT included.
    [[nodiscard]] std::size_t bytes_of(const Entry& entry) const {
        return entry.batch->bytes().size() + (entry.waits ? wait_command_.size() : 0);
    }
    [[nodiscard]] bool is_unsent(const Entry& entry) const { return entry.sent_bytes < bytes_of(entry); }
    [[nodiscard]] bool reply_is_due() const;
    void reply_read(std::uint64_t now_ns);
    void finish_wait(bool is_replicated, std::uint64_t now_ns);
    void finish_round(std::size_t position, std::uint64_t now_ns);
    void finish_round_with_failures(std::size_t position, std::uint64_t now_ns);
    void publish_outcomes(Entry& entry);
    void keep_for_retry(Entry& entry, const CommandSet& kept);
    void settle_final(std::size_t position, std::uint64_t now_ns);

    CompletionPort& port_;
    DeliveryFigures& figures_;
    std::string wait_command_;
    std::unique_ptr<std::array<Entry, limits::sink_window_batches_count_max>> storage_;
    std::span<Entry> entries_;
    // The entries in use come first, in order of submission; then the free ones.
    std::array<Entry*, limits::sink_window_batches_count_max> order_;
    std::size_t entries_count_ = 0;
    std::size_t in_flight_count_ = 0;
    std::size_t first_in_flight_ = 0;  // position; meaningful while in_flight_count_ > 0
    bool is_stalled_ = false;
    CommandOutcome kept_reason_ = CommandOutcome::delivered;
    std::uint64_t whole_batches_count_ = 0;
    std::uint64_t refused_batches_count_ = 0;
    std::uint64_t waits_count_ = 0;
    std::uint64_t waits_short_count_ = 0;
};

}  // namespace sluice::sinks::redis
