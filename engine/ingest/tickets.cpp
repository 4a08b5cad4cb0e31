#include "engine/ingest/tickets.hpp"

#include <algorithm>

namespace sluice {

void Tickets::add(OpenRequest& request, std::uint32_t count) {
    CHECK(count != 0);
    request.tickets_count = count;
    request.samples_failed = 0;
    request.failure = Refusal::sink_busy;
    request.lacks_replicas = false;
    outstanding_count_ += count;
}

OpenRequest* Tickets::settle(Batch& batch, const BatchTicket& ticket, Settlement settlement) {
    const Outcome outcome = outcome_of(batch, ticket);
    batch.shares[ticket.options.format].tickets_dropped += outcome.samples_failed;
    const bool are_keys_settled = settlement == Settlement::final || !is_packed_;
    if (ticket.options.idempotency_entry != no_idempotency_entry && are_keys_settled)
        idempotency_->settle(ticket.options.idempotency_entry, {outcome.samples_failed, outcome.lacks_replicas},
                             server_.now_ns());
    if (server_.find(ticket.request) == nullptr) return nullptr;  // its client is gone, or was told that time is up
    OpenRequest& request = requests_[ticket.request.index];
    if (outcome.samples_failed != 0) note_failed_records(batch, ticket);
    request.samples_failed += outcome.samples_failed;
    if (outcome.failure == Refusal::sink_refused) request.failure = Refusal::sink_refused;
    request.lacks_replicas = request.lacks_replicas || outcome.lacks_replicas;
    CHECK(request.tickets_count != 0);
    return --request.tickets_count == 0 ? &request : nullptr;
}

Tickets::Outcome Tickets::outcome_of(const Batch& batch, const BatchTicket& ticket) {
    Outcome result;
    result.lacks_replicas =
        ticket.options.wants_replicas && ticket.first_command < batch.settled.tickets_replicated_from;
    if (!batch.has_failures()) return result;
    for (std::uint32_t command = ticket.first_command; command < ticket.first_command + ticket.command_count;
         ++command) {
        const CommandOutcome outcome = batch.outcome(command);
        if (outcome == CommandOutcome::delivered) continue;
        // One command is one sample, unless one command carries the whole batch.
        result.samples_failed += ticket.command_count == 1 ? ticket.sample_count : 1;
        if (outcome == CommandOutcome::refused) result.failure = Refusal::sink_refused;
    }
    return result;
}

// One command is one sample, unless one command carries the whole batch. Then those behind the last sample that is
// noted may be any of the rest of the body.
void Tickets::note_failed_records(const Batch& batch, const BatchTicket& ticket) {
    const OpenRequest& request = requests_[ticket.request.index];
    RecordRanges& failed = failed_records_[ticket.request.index];
    if (request.samples_failed == 0) failed.clear();
    const std::uint32_t end = ticket.first_sample + ticket.sample_count;
    const auto noted_end = std::min<std::uint32_t>(end, limits::batch_commands_count_max);
    std::uint32_t next_record = 0;
    for (std::uint32_t sample = ticket.first_sample; sample < noted_end; ++sample) {
        const std::uint32_t record = batch.record_of(sample);
        next_record = record + 1;
        if (is_packed_ || batch.outcome(sample) != CommandOutcome::delivered) failed.add(record, record);
    }
    const std::uint32_t records_count = request.result.accepted + request.result.rejected;
    if (noted_end < end && next_record < records_count) failed.add(next_record, records_count - 1);
}

// One command carries the whole batch, was refused, and is tried until it is stored, because samples that nobody waits
// for share it. Their clients were answered; the keys had to wait.
void Tickets::settle_keys_of_packed(const Batch& batch) {
    if (!is_packed_) return;
    for (const BatchTicket& ticket : batch.tickets())
        if (ticket.options.idempotency_entry != no_idempotency_entry)
            idempotency_->settle(ticket.options.idempotency_entry, {}, batch.settled.replied_ns);
}

}  // namespace sluice
