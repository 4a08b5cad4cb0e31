// Batch: the unit that crosses threads.
//
// A reactor's encoder renders the sink's wire format straight into the arena while the body is decoded;
// the sink sends the arena as it is. So a sample is copied once, and a queue operation is shared by
// hundreds of samples.
//
// Life cycle, and who may touch what:
//
//   reactor   takes the batch from its pool, fills arena and tickets, seals it, pushes it to the sink's queue
//   sink      sends the arena, reads the replies, writes `settled` (and outcome() of each command, where one failed),
//             and pushes it to the reactor's inbox
//   reactor   answers the tickets, counts, and puts the batch back into its pool
//
// One exception: when a command that nobody waits for (a `queued` sample) was refused by Redis, the sink
// keeps the batch to try again and hands over only the tickets (Settlement::tickets). From then on the
// reactor owns the tickets, the outcomes and `settled.tickets_*` until it has read them, and the sink owns the
// rest until it sends Settlement::final. The sink does not write the reactor's part again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "engine/core/check.hpp"
#include "engine/core/ingest_format.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/request_ref.hpp"

namespace sluice {

// What became of one command.
enum class CommandOutcome : std::uint8_t {
    delivered,  // the sink confirmed it
    busy,       // refused for now (OOM, LOADING, READONLY, …): the same command may succeed later
    refused,    // refused until an operator mends something (WRONGTYPE, NOPERM, …)
};

inline constexpr std::uint32_t no_idempotency_entry = 0xffff'ffff;

// What a request wants beside being stored.
struct TicketOptions {
    bool wants_replicas = false;  // asked for `replicated`: the sink sends a WAIT behind the batch
    IngestFormat format = IngestFormat::none;  // for the reactor's books
    // Of the engine's IdempotencyTable, which waits for the outcome too.
    std::uint32_t idempotency_entry = no_idempotency_entry;
};

// Who waits for a part of a batch: the samples of one request with `stored`.
struct BatchTicket {
    RequestRef request;
    std::uint32_t first_command;       // its commands are [first_command, first_command + command_count)
    std::uint32_t command_count;
    std::uint32_t sample_count;
    TicketOptions options{};
    std::uint32_t first_sample = 0;  // its samples are the batch's [first_sample, first_sample + sample_count)
};

enum class Settlement : std::uint8_t {
    tickets,  // the tickets' commands are decided; the batch stays with the sink
    final,    // everything is decided; the batch goes back to its pool
};

// Figures that the sink hands back. Samples, not commands.
struct BatchSettled {
    std::uint32_t tickets_dropped = 0;    // samples of tickets whose command was refused, counted once
    // Tickets that want replicas and begin at this command or later are held by enough of them. None of the others is
    // known to be. `delivered` counts either way: the primary has the samples.
    std::uint32_t tickets_replicated_from = std::numeric_limits<std::uint32_t>::max();
    std::uint32_t delivered = 0;  // at Settlement::final: samples that the sink confirmed
    std::uint64_t replied_ns = 0;  // monotonic, when the last reply of the batch was read
};

// What a batch has of the samples of one format.
struct FormatShare {
    std::uint32_t samples_count = 0;
    std::uint32_t tickets_dropped = 0;  // of these; of commands that carry one sample
};

class Batch {
  public:
    // Binds the batch to `arena`, memory of the pool that outlives it. Called once, by the pool.
    void bind(std::span<char> arena, std::uint16_t reactor_index) {
        arena_ = arena;
        reactor_index_ = reactor_index;
        clear();
    }

    void clear() {
        begin_ = end_ = static_cast<std::uint32_t>(limits::batch_headroom_bytes);
        command_count_ = sample_count_ = ticket_count_ = 0;
        ticketed_sample_count_ = 0;
        has_failures_ = wants_replicas_ = false;
        first_timestamp_ns = last_timestamp_ns = 0;
        opened_ns = handed_over_ns = 0;
        handed_over_count = 0;
        shares = {};
        are_tickets_answered = false;
        next = nullptr;
        settled = {};
    }

    // --- filling (reactor) ---------------------------------------------------------------------
    // Free bytes at the end of the arena, for an encoder to render into; then commit().
    [[nodiscard]] std::span<char> room() { return arena_.subspan(end_); }

    // `bytes` were rendered into room(): `commands_count` commands (0 where the layout makes one command of the
    // whole batch) that carry `samples_count` samples.
    void commit(std::size_t bytes, std::uint32_t commands_count, std::uint32_t samples_count) {
        DCHECK(end_ + bytes <= arena_.size());
        end_ += static_cast<std::uint32_t>(bytes);
        command_count_ += commands_count;
        sample_count_ += samples_count;
        DCHECK(command_count_ <= limits::batch_commands_count_max);
    }

    // Which record of its body the last sample was: for the answer to a request of which a part is refused. Samples
    // beyond batch_commands_count_max, which only one command can carry, are not noted.
    void note_record(std::uint32_t record_index) {
        if (sample_count_ <= record_indexes_.size()) record_indexes_[sample_count_ - 1] = record_index;
    }

    // Renders `header` in front of what was committed (layout `packed`); it must fit the headroom.
    void prepend(std::string_view header) {
        CHECK(header.size() <= begin_);
        begin_ -= static_cast<std::uint32_t>(header.size());
        header.copy(arena_.data() + begin_, header.size());
    }

    // A point to roll back to when the request that is being decoded turns out to be refused.
    struct Mark {
        std::uint32_t end, command_count, sample_count;
        std::int64_t first_timestamp_ns, last_timestamp_ns;
    };
    [[nodiscard]] Mark mark() const {
        return {end_, command_count_, sample_count_, first_timestamp_ns, last_timestamp_ns};
    }
    void roll_back(const Mark& mark) {
        DCHECK(mark.end <= end_ && mark.sample_count <= sample_count_);
        end_ = mark.end;
        command_count_ = mark.command_count;
        sample_count_ = mark.sample_count;
        first_timestamp_ns = mark.first_timestamp_ns;
        last_timestamp_ns = mark.last_timestamp_ns;
    }

    [[nodiscard]] bool has_ticket_room() const { return ticket_count_ < tickets_.size(); }
    void add_ticket(const BatchTicket& ticket) {
        CHECK(has_ticket_room());
        tickets_[ticket_count_++] = ticket;
        ticketed_sample_count_ += ticket.sample_count;
        wants_replicas_ |= ticket.options.wants_replicas;
    }

    // --- reading (either side, as the life cycle allows) ---------------------------------------------
    [[nodiscard]] std::span<char> bytes() { return arena_.subspan(begin_, end_ - begin_); }
    [[nodiscard]] bool empty() const { return sample_count_ == 0; }
    [[nodiscard]] std::uint32_t command_count() const { return command_count_; }
    [[nodiscard]] std::uint32_t sample_count() const { return sample_count_; }
    [[nodiscard]] std::span<const BatchTicket> tickets() const { return {tickets_.data(), ticket_count_}; }
    // Samples that some ticket waits for; the others are `queued`.
    [[nodiscard]] std::uint32_t ticketed_sample_count() const { return ticketed_sample_count_; }
    [[nodiscard]] bool wants_replicas() const { return wants_replicas_; }  // some ticket does
    [[nodiscard]] std::uint16_t reactor_index() const { return reactor_index_; }

    // Of all samples that were handed over; none: they have several formats. Reactor.
    [[nodiscard]] IngestFormat sole_format() const {
        for (const IngestFormat format : ingest_formats)
            if (shares[format].samples_count == handed_over_count) return format;
        return IngestFormat::none;
    }

    // Precondition: below batch_commands_count_max. Reactor.
    [[nodiscard]] std::uint32_t record_of(std::uint32_t sample_index) const { return record_indexes_[sample_index]; }

    // --- outcome (sink) ------------------------------------------------------------------------------
    void set_outcome(std::uint32_t command, CommandOutcome outcome) {
        CHECK(command < limits::batch_commands_count_max);
        if (!has_failures_) {
            outcomes_.fill(CommandOutcome::delivered);
            has_failures_ = true;
        }
        outcomes_[command] = outcome;
    }
    [[nodiscard]] bool has_failures() const { return has_failures_; }
    [[nodiscard]] CommandOutcome outcome(std::uint32_t command) const {
        DCHECK(command < limits::batch_commands_count_max);
        return has_failures_ ? outcomes_[command] : CommandOutcome::delivered;
    }

    // Sink, before it tries again: the arena now holds only the `bytes` bytes of `commands_count` kept commands,
    // which it moved to the front of bytes(). The tickets and outcomes are the reactor's from here on.
    void keep_front(std::size_t bytes, std::uint32_t commands_count, std::uint32_t samples_count) {
        CHECK(bytes <= end_ - begin_);
        end_ = begin_ + static_cast<std::uint32_t>(bytes);
        command_count_ = commands_count;
        sample_count_ = samples_count;
    }

    std::int64_t first_timestamp_ns = 0;  // least and greatest sample time of the batch, for `packed`
    std::int64_t last_timestamp_ns = 0;
    std::uint64_t opened_ns = 0;  // monotonic: the first sample was rendered
    std::uint64_t handed_over_ns = 0;  // monotonic: pushed to the sink's queue
    std::uint32_t handed_over_count = 0;  // samples at that moment, for the reactor's books
    ByFormat<FormatShare> shares;  // reactor only
    std::uint16_t lane = 0;  // which of the encoder's lanes it was filled for
    bool are_tickets_answered = false;  // reactor only
    Batch* next = nullptr;  // link of the reactor's lists; unused while the sink has the batch
    BatchSettled settled;

  private:
    std::span<char> arena_;
    std::uint32_t begin_ = 0;  // bytes() is arena_[begin_, end_)
    std::uint32_t end_ = 0;
    std::uint32_t command_count_ = 0;
    std::uint32_t sample_count_ = 0;
    std::uint32_t ticket_count_ = 0;
    std::uint32_t ticketed_sample_count_ = 0;
    std::uint16_t reactor_index_ = 0;
    bool has_failures_ = false;
    bool wants_replicas_ = false;
    std::array<BatchTicket, limits::batch_tickets_count_max> tickets_;
    std::array<CommandOutcome, limits::batch_commands_count_max> outcomes_;
    std::array<std::uint32_t, limits::batch_commands_count_max> record_indexes_;  // by sample
};

}  // namespace sluice
