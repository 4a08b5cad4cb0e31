#include "sinks/redis/window/delivery_window.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/core/check.hpp"
#include "sinks/redis/resp/resp_walk.hpp"

namespace sluice::sinks::redis {
namespace {

using CommandSet = std::bitset<limits::batch_commands_count_max>;

[[nodiscard]] CommandSet commands_of_tickets(const Batch& batch) {
    CommandSet covered;
    for (const BatchTicket& ticket : batch.tickets()) {
        CHECK(ticket.first_command + ticket.command_count <= batch.command_count());
        for (std::uint32_t i = 0; i < ticket.command_count; ++i) covered.set(ticket.first_command + i);
    }
    return covered;
}

// Moves the commands of `kept` to the front of `bytes`; returns how many bytes they take.
[[nodiscard]] std::size_t compact(std::span<char> bytes, std::uint32_t commands_count, const CommandSet& kept) {
    std::size_t from = 0;
    std::size_t to = 0;
    for (std::uint32_t command = 0; command < commands_count; ++command) {
        const std::size_t length = first_command_bytes(bytes.subspan(from));
        if (kept.test(command)) {
            std::memmove(bytes.data() + to, bytes.data() + from, length);
            to += length;
        }
        from += length;
    }
    return to;
}

}  // namespace

DeliveryWindow::DeliveryWindow(CompletionPort& port, DeliveryFigures& figures)
    : port_(port),
      figures_(figures),
      storage_(std::make_unique<std::array<Entry, limits::sink_window_batches_count_max>>()),
      entries_(*storage_) {
    std::ranges::transform(entries_, order_.begin(), [](Entry& entry) { return &entry; });
}

void DeliveryWindow::submit(Batch& batch) {
    CHECK(has_room());
    CHECK(batch.command_count() == batch.sample_count() || batch.command_count() == 1);
    CHECK(!batch.empty() && !batch.bytes().empty());
    Entry& entry = at(entries_count_++);
    entry.batch = &batch;
    entry.samples_submitted_count = batch.sample_count();
    entry.delivered_count = entry.tickets_dropped_count = 0;
    entry.replies_count = entry.failures_count = 0;
    entry.sent_bytes = 0;
    entry.is_in_flight = entry.tickets_decided = false;
    entry.waits = batch.wants_replicas();
    entry.wait_covers_from = 0;
}

void DeliveryWindow::set_wait_command(std::string command) {
    CHECK(!awaits_replies() && !command.empty());
    wait_command_ = std::move(command);
}

// --- sending ---------------------------------------------------------------------------------------

std::size_t DeliveryWindow::gather(std::span<iovec> pieces, Begin begin) const {
    CHECK(begin != Begin::all || !is_stalled_);
    CHECK(begin != Begin::front_only || !awaits_replies());
    std::size_t count = 0;
    for (std::size_t position = 0; position < entries_count_ && count < pieces.size(); ++position) {
        const Entry& entry = at(position);
        const bool may_begin = begin == Begin::all || (begin == Begin::front_only && position == 0);
        if (!is_unsent(entry) || !(entry.is_in_flight || may_begin)) continue;
        const std::span<char> bytes = entry.batch->bytes();
        const std::size_t needed_count = (entry.sent_bytes < bytes.size() ? 1 : 0) + (entry.waits ? 1 : 0);
        if (needed_count > pieces.size() - count) break;
        if (entry.sent_bytes < bytes.size()) {
            const std::span<char> rest = bytes.subspan(entry.sent_bytes);
            pieces[count++] = iovec{rest.data(), rest.size()};
        }
        if (!entry.waits) continue;
        CHECK(!wait_command_.empty());
        const std::size_t skipped = std::max(entry.sent_bytes, bytes.size()) - bytes.size();
        // sendmsg(2) takes a pointer to non-const but only reads.
        pieces[count++] = iovec{const_cast<char*>(wait_command_.data()) + skipped, wait_command_.size() - skipped};
    }
    return count;
}

// Those in flight stand side by side, at most the last of them partly sent; what may begin follows them,
// or is at the front if there are none. So this walk meets the pieces of gather() in their order.
void DeliveryWindow::sent(std::size_t bytes) {
    for (std::size_t position = awaits_replies() ? first_in_flight_ : 0; bytes > 0; ++position) {
        CHECK(position < entries_count_);
        Entry& entry = at(position);
        if (!is_unsent(entry)) continue;
        if (!entry.is_in_flight) {
            entry.is_in_flight = true;
            if (in_flight_count_++ == 0) first_in_flight_ = position;
            add(figures_.batches_sent, 1);
        }
        const std::size_t taken = std::min(bytes, bytes_of(entry) - entry.sent_bytes);
        entry.sent_bytes += taken;
        bytes -= taken;
    }
}

std::size_t DeliveryWindow::replies_due_count() const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < in_flight_count_; ++i) {
        const Entry& entry = at(first_in_flight_ + i);
        count += entry.batch->command_count() - entry.replies_count + (entry.waits ? 1 : 0);
    }
    return count;
}

void DeliveryWindow::connection_lost(std::uint64_t now_ns) {
    // Another connection, which has written nothing, would be told at once that every replica has it all.
    if (wait_is_due()) finish_wait(false, now_ns);
    for (std::size_t position = 0; position < entries_count_; ++position) {
        Entry& entry = at(position);
        if (!entry.is_in_flight) continue;
        entry.is_in_flight = false;
        entry.sent_bytes = commands_bytes(entry.batch->bytes(), entry.replies_count);
        entry.wait_covers_from = entry.replies_count;
        add(figures_.batches_resent, 1);
    }
    in_flight_count_ = 0;
}

// --- replies ---------------------------------------------------------------------------------------

bool DeliveryWindow::reply_ok(std::uint64_t now_ns) {
    if (!reply_is_due()) return false;
    CHECK(!wait_is_due());
    add(figures_.replies_ok, 1);
    reply_read(now_ns);
    return true;
}

bool DeliveryWindow::reply_error(CommandOutcome outcome, std::uint64_t now_ns) {
    if (!reply_is_due()) return false;
    CHECK(!wait_is_due());
    const bool is_refused = outcome == CommandOutcome::refused;
    add(is_refused ? figures_.replies_refused : figures_.replies_busy, 1);
    Entry& entry = at(first_in_flight_);
    if (entry.failures_count++ == 0) {
        entry.failed.reset();
        entry.refused.reset();
    }
    entry.failed.set(entry.replies_count);
    entry.refused.set(entry.replies_count, is_refused);
    reply_read(now_ns);
    return true;
}

bool DeliveryWindow::wait_is_due() const {
    if (!awaits_replies()) return false;
    const Entry& entry = at(first_in_flight_);
    return entry.waits && entry.replies_count == entry.batch->command_count();
}

bool DeliveryWindow::reply_wait(bool is_replicated, std::uint64_t now_ns) {
    if (!wait_is_due() || !reply_is_due()) return false;
    finish_wait(is_replicated, now_ns);
    return true;
}

void DeliveryWindow::finish_wait(bool is_replicated, std::uint64_t now_ns) {
    Entry& entry = at(first_in_flight_);
    if (is_replicated) entry.batch->settled.tickets_replicated_from = entry.wait_covers_from;
    ++waits_count_;
    if (!is_replicated || entry.wait_covers_from > 0) ++waits_short_count_;
    finish_round(first_in_flight_, now_ns);
}

// A batch's last reply cannot come before its last byte was sent. (Earlier ones could be checked too, by
// walking the arena; a server that answers ahead is not worth that.)
bool DeliveryWindow::reply_is_due() const {
    if (!awaits_replies()) return false;
    const Entry& entry = at(first_in_flight_);
    const std::uint32_t replies_wanted_count = entry.batch->command_count() + (entry.waits ? 1 : 0);
    return entry.replies_count + 1 < replies_wanted_count || !is_unsent(entry);
}

void DeliveryWindow::reply_read(std::uint64_t now_ns) {
    Entry& entry = at(first_in_flight_);
    if (++entry.replies_count == entry.batch->command_count() && !entry.waits) finish_round(first_in_flight_, now_ns);
}

void DeliveryWindow::finish_round(std::size_t position, std::uint64_t now_ns) {
    Entry& entry = at(position);
    CHECK(entry.is_in_flight && position == first_in_flight_);
    entry.is_in_flight = entry.waits = false;
    --in_flight_count_;
    ++first_in_flight_;  // the next in flight, if any, stands right behind
    if (entry.failures_count > 0) return finish_round_with_failures(position, now_ns);
    ++whole_batches_count_;
    entry.delivered_count += entry.batch->sample_count();
    settle_final(position, now_ns);
}

void DeliveryWindow::finish_round_with_failures(std::size_t position, std::uint64_t now_ns) {
    Entry& entry = at(position);
    Batch& batch = *entry.batch;
    if (entry.failures_count == batch.command_count()) ++refused_batches_count_;
    const bool tickets_wait = !entry.tickets_decided && !batch.tickets().empty();
    CommandSet kept = entry.failed;
    if (entry.is_packed()) {
        if (tickets_wait && batch.ticketed_sample_count() == batch.sample_count()) {
            kept.reset();
            entry.tickets_dropped_count = batch.sample_count();
        }
    } else {
        if (tickets_wait) kept &= ~commands_of_tickets(batch);
        entry.tickets_dropped_count += entry.failures_count - static_cast<std::uint32_t>(kept.count());
        entry.delivered_count += batch.command_count() - entry.failures_count;
    }
    if (tickets_wait) publish_outcomes(entry);
    if (kept.none()) return settle_final(position, now_ns);

    keep_for_retry(entry, kept);
    if (tickets_wait) {
        entry.tickets_decided = true;
        batch.settled.tickets_dropped = entry.tickets_dropped_count;
        port_.settle(batch, Settlement::tickets);
    }
}

void DeliveryWindow::publish_outcomes(Entry& entry) {
    for (std::uint32_t command = 0; command < entry.batch->command_count(); ++command) {
        if (!entry.failed.test(command)) continue;
        const bool is_refused = entry.refused.test(command);
        entry.batch->set_outcome(command, is_refused ? CommandOutcome::refused : CommandOutcome::busy);
    }
}

void DeliveryWindow::keep_for_retry(Entry& entry, const CommandSet& kept) {
    Batch& batch = *entry.batch;
    const bool packed = entry.is_packed();
    const std::size_t bytes = compact(batch.bytes(), batch.command_count(), kept);
    const auto commands_count = static_cast<std::uint32_t>(kept.count());
    batch.keep_front(bytes, commands_count, packed ? batch.sample_count() : commands_count);

    const bool any_refused = (entry.refused & kept).any();
    if (any_refused || kept_reason_ == CommandOutcome::delivered) {
        kept_reason_ = any_refused ? CommandOutcome::refused : CommandOutcome::busy;
    }
    is_stalled_ = true;
    entry.replies_count = entry.failures_count = 0;
    entry.sent_bytes = 0;
}

void DeliveryWindow::settle_final(std::size_t position, std::uint64_t now_ns) {
    Entry& entry = at(position);
    CHECK(entry.delivered_count + entry.tickets_dropped_count == entry.samples_submitted_count);
    Batch& batch = *entry.batch;
    if (!entry.tickets_decided) batch.settled.tickets_dropped = entry.tickets_dropped_count;
    batch.settled.delivered = entry.delivered_count;
    batch.settled.replied_ns = now_ns;

    CHECK(!entry.is_in_flight && position < entries_count_);
    std::rotate(order_.begin() + static_cast<std::ptrdiff_t>(position),
                order_.begin() + static_cast<std::ptrdiff_t>(position) + 1,
                order_.begin() + static_cast<std::ptrdiff_t>(entries_count_));
    --entries_count_;
    if (first_in_flight_ > position) --first_in_flight_;
    if (position == 0) is_stalled_ = false;
    port_.settle(batch, Settlement::final);
}

CommandOutcome DeliveryWindow::take_kept_reason() { return std::exchange(kept_reason_, CommandOutcome::delivered); }

}  // namespace sluice::sinks::redis
