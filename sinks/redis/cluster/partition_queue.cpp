#include "sinks/redis/cluster/partition_queue.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/core/check.hpp"
#include "sinks/redis/resp/command.hpp"
#include "sinks/redis/resp/error_class.hpp"
#include "sinks/redis/resp/resp_walk.hpp"

namespace sluice::sinks::redis {
PartitionQueue::PartitionQueue(std::uint16_t slot, CompletionPort& port, DeliveryFigures& figures,
                               ClusterFigures& cluster, const RedisSettings& settings)
    : slot_(slot),
      has_waits_(settings.replicas_count != 0),
      figures_(figures),
      cluster_(cluster),
      window_(port, figures),
      breaker_(settings.breaker_failures_count),
      retry_(settings, settings.random_seed + slot) {}

void PartitionQueue::submit(Batch& batch) {
    batch.next = nullptr;
    (first_waiting_ == nullptr ? first_waiting_ : last_waiting_->next) = &batch;
    last_waiting_ = &batch;
    refill();
}

void PartitionQueue::refill() {
    while (first_waiting_ != nullptr && window_.has_room()) {
        Batch* const batch = std::exchange(first_waiting_, first_waiting_->next);
        batch->next = nullptr;
        window_.submit(*batch);
    }
}

// --- sending ---------------------------------------------------------------------------------------

PartitionQueue::Turn PartitionQueue::turn(std::uint64_t now_ns) const {
    if (empty()) return Turn::nothing;
    if (is_held_ || redirect_.kind != Redirect::Kind::none || now_ns < not_before_ns_) return Turn::nothing;
    const bool is_too_early = window_.is_stalled() && (window_.awaits_replies() || now_ns < retry_.at_ns());
    if (is_asking_ || is_probing_) return is_too_early || !is_drained() ? Turn::nothing : Turn::staged;
    if (is_too_early) return Turn::rest;  // of the front batch, if a probe was its first command
    return window_.is_stalled() ? Turn::front : Turn::all;
}

std::size_t PartitionQueue::gather(std::span<iovec> pieces, Turn turn) {
    CHECK(turn != Turn::staged);
    refill();
    switch (turn) {
        case Turn::rest: return window_.gather(pieces, DeliveryWindow::Begin::none);
        case Turn::front: return window_.gather(pieces, DeliveryWindow::Begin::front_only);
        case Turn::all: return window_.gather(pieces, DeliveryWindow::Begin::all);
        case Turn::nothing:
        case Turn::staged: break;
    }
    return 0;
}

std::uint32_t PartitionQueue::sent(std::size_t bytes) {
    if (window_.is_stalled()) retry_.sent();
    window_.sent(bytes);
    // While replies are passed over the window does not hear of them; and what is sent then was begun, hence counted.
    if (redirect_.kind != Redirect::Kind::none) return 0;
    const std::size_t due_count = window_.replies_due_count();
    CHECK(due_count >= replies_due_count_);
    return static_cast<std::uint32_t>(due_count - std::exchange(replies_due_count_, due_count));
}

std::uint32_t PartitionQueue::stage(std::string& bytes) {
    CHECK(is_drained());
    refill();
    std::array<iovec, 2> pieces{};  // a batch, and its WAIT
    const auto begin = window_.awaits_replies() ? DeliveryWindow::Begin::none : DeliveryWindow::Begin::front_only;
    const std::size_t pieces_count = window_.gather(pieces, begin);
    if (pieces_count == 0) return 0;
    std::uint32_t commands_left_count = is_probing_ ? 1 : limits::batch_commands_count_max + 1;
    std::uint32_t commands_count = 0;
    std::size_t sent_bytes = 0;
    for (const iovec& piece : std::span(pieces).first(pieces_count)) {
        std::span<const char> rest(static_cast<const char*>(piece.iov_base), piece.iov_len);
        for (; !rest.empty() && commands_left_count != 0; --commands_left_count, ++commands_count) {
            const std::size_t length = first_command_bytes(rest);
            if (is_asking_) append_command(bytes, {"ASKING"});
            bytes.append(rest.data(), length);
            rest = rest.subspan(length);
            sent_bytes += length;
        }
    }
    if (window_.is_stalled()) retry_.sent();
    window_.sent(sent_bytes);
    replies_due_count_ = commands_count;
    is_asked_ = true;
    add(figures_.bytes_sent, sent_bytes);
    return commands_count;
}

// --- replies ---------------------------------------------------------------------------------------

bool PartitionQueue::reply_ok(std::uint64_t now_ns) {
    if (is_drained()) return false;
    --replies_due_count_;
    if (redirect_.kind != Redirect::Kind::none) return true;
    went_through();
    return window_.reply_ok(now_ns);
}

// A command was executed, or refused for what it is: the node is the right one.
void PartitionQueue::went_through() {
    is_probing_ = false;
    redirects_in_row_count_ = 0;
    not_before_ns_ = 0;
    breaker_.succeeded();
}

bool PartitionQueue::reply_error(std::string_view error, std::uint64_t now_ns) {
    if (is_drained()) return false;
    --replies_due_count_;
    Redirect redirect = redirect_of(error);
    if (redirect.kind == Redirect::Kind::moved) add(cluster_.redirects_moved, 1);
    if (redirect.kind == Redirect::Kind::ask) add(cluster_.redirects_ask, 1);
    if (redirect_.kind != Redirect::Kind::none) return true;
    if (redirect.kind == Redirect::Kind::none || redirect.kind == Redirect::Kind::wait) {
        if (error != last_error_) last_error_ = error;
    }
    if (redirect.kind == Redirect::Kind::none) {
        went_through();
        const CommandOutcome outcome = outcome_of_error(error);
        record_refusal(figures_, outcome, now_ns);
        return window_.reply_error(outcome, now_ns);
    }
    if (redirect.kind == Redirect::Kind::wait) {
        add(figures_.replies_busy, 1);
        record_refusal(figures_, CommandOutcome::busy, now_ns);
    }
    redirect_ = std::move(redirect);
    ++redirects_in_row_count_;
    return true;
}

// An error (the user may not WAIT, this is a replica by now) is of no account for the commands before it.
bool PartitionQueue::reply_wait(bool is_replicated, std::string_view error, std::uint64_t now_ns) {
    CHECK(is_wait_due());
    if (is_drained()) return false;
    --replies_due_count_;
    is_wait_refused_ = !error.empty();
    if (is_wait_refused_ && error != last_error_) last_error_ = error;
    return window_.reply_wait(is_replicated, now_ns);
}

void PartitionQueue::connection_lost(std::uint64_t now_ns) {
    window_.connection_lost(now_ns);
    replies_due_count_ = 0;
    is_asking_ = false;
    redirect_ = {};
}

void PartitionQueue::schedule_retry(std::uint64_t now_ns) {
    const CommandOutcome kept = window_.take_kept_reason();
    retry_.kept(kept, now_ns);
    const bool has_stored =
        window_.whole_batches_count() != std::exchange(whole_batches_seen_count_, window_.whole_batches_count());
    if (window_.is_stalled() || kept != CommandOutcome::delivered) return;
    retry_.nothing_kept(has_stored);
    if (has_stored && !is_wait_refused_) last_error_.clear();
}

// --- routing ---------------------------------------------------------------------------------------

void PartitionQueue::go_to(Node* node, bool is_asking, std::uint64_t not_before_ns, std::uint64_t now_ns) {
    CHECK(is_drained());
    if (window_.awaits_replies()) window_.connection_lost(now_ns);
    node_ = node;
    redirect_ = {};
    is_asking_ = is_asking;
    is_asked_ = false;
    not_before_ns_ = not_before_ns;
    is_probing_ = is_probing_ || not_before_ns != 0;
}

std::uint64_t PartitionQueue::deadline_ns(std::uint64_t now_ns) const {
    if (empty() || !is_drained()) return 0;
    std::uint64_t deadline_ns = not_before_ns_ > now_ns ? not_before_ns_ : 0;
    if (window_.is_stalled() && retry_.at_ns() > now_ns) deadline_ns = std::max(deadline_ns, retry_.at_ns());
    return deadline_ns;
}

}  // namespace sluice::sinks::redis
