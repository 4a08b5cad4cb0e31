#include "engine/ingest/ingest.hpp"

#include <cstring>

#include "engine/core/clock.hpp"

namespace sluice {

bool Ingest::on_telemetry(const http::Request& request, RequestRef ref, http::Pending& pending) {
    http::Reply& reply = pending.reply;
    const auto refuse = [&reply](Refusal reason) {
        reply.set_refusal(reason);
        return true;
    };
    const auto options = http::telemetry_options(request, offer_);
    if (!options) return refuse(options.error());
    const bool has_key = request.head.idempotency_key_bytes != 0;
    if (!has_key) {
        if (const auto refusal = admission_.check(options->ack)) return refuse(*refusal);
    }
    if (request.body.empty()) return refuse(Refusal::empty_body);
    if (has_key) return take_once(request, *options, ref, pending);
    return take(request, *options, ref, pending, no_idempotency_entry);
}

bool Ingest::take(const http::Request& request, const http::TelemetryOptions& options, RequestRef ref,
                  http::Pending& pending, std::uint32_t idempotency_entry) {
    http::Reply& reply = pending.reply;
    const auto refuse = [&reply](Refusal reason) {
        reply.set_refusal(reason);
        return true;
    };
    const Tally tally = decode(request, options, reply);
    latency_.record(Stage::decode, request.received_ns, monotonic_ns());
    if (!tally.is_whole) return true;
    if (tally.accepted == 0) {
        batcher_.roll_back();
        if (reply.rejected == 0) return refuse(Refusal::no_samples);
        if (reply.is_single) return refuse(reply.errors[0].refusal);
        return true;
    }
    if (const auto lanes = batcher_.independent_lanes(); !lanes.empty()) {
        if (const auto refusal = admission_.check_lanes(options.ack, lanes)) {
            abandon(*refusal, tally.accepted);
            return refuse(*refusal);
        }
    }
    return accept(tally, options, ref, pending, idempotency_entry);
}

// --- idempotency keys ----------------------------------------------------------------------------------------------

bool Ingest::take_once(const http::Request& request, const http::TelemetryOptions& options, RequestRef ref,
                       http::Pending& pending) {
    using Verdict = IdempotencyTable::Verdict;
    http::Reply& reply = pending.reply;
    const auto refuse = [&reply](Refusal reason) {
        reply.set_refusal(reason);
        return true;
    };
    if (idempotency_ == nullptr) return refuse(Refusal::idempotency_unavailable);
    const Fingerprint fingerprint = fingerprint_of(idempotency_->seed(), request.path, request.query,
                                                   static_cast<std::uint8_t>(options.format), request.body);
    const auto claim = idempotency_->claim(request.head.idempotency_key_view(), fingerprint, request.received_ns);
    switch (claim.verdict) {
        case Verdict::fresh: break;
        case Verdict::replay: replay(request, options, claim.answer, reply); return true;
        case Verdict::in_progress: return refuse(Refusal::idempotency_in_progress);
        case Verdict::mismatch: return refuse(Refusal::idempotency_mismatch);
        case Verdict::full: return refuse(Refusal::idempotency_full);
    }
    // A retry needs no sink: it is answered also while first requests are refused.
    const auto refusal = admission_.check(options.ack);
    const bool is_decided = refusal ? refuse(*refusal) : take(request, options, ref, pending, claim.entry);
    if (reply.kind != http::ReplyKind::telemetry || reply.accepted == 0) {
        idempotency_->forget(claim.entry);
        return is_decided;
    }
    const IdempotentAnswer answer{reply.ack, reply.is_single, reply.accepted, reply.rejected};
    idempotency_->expect(claim.entry, answer, is_decided ? 1 : pending.tickets_count);
    if (is_decided) idempotency_->settle(claim.entry, {}, request.received_ns);
    return is_decided;
}

void Ingest::replay(const http::Request& request, const http::TelemetryOptions& options, const IdempotentAnswer& answer,
                    http::Reply& reply) {
    reply.set_telemetry(answer.ack, answer.is_single);
    reply.accepted = answer.accepted;
    reply.is_replayed = true;
    if (answer.rejected == 0) return;
    decoder_.start(request.body, options.format, {options.precision, unix_ns()});
    for (auto step = decoder_.next(); step == parsers::Step::sample || step == parsers::Step::record_refused;
         step = decoder_.next())
        if (step == parsers::Step::record_refused) reply.add_error(decoder_.record_index(), decoder_.refusal());
    CHECK(reply.rejected == answer.rejected);  // the body is the same, and so is what is wrong with it
}

// One command carries the whole batch, was refused, and is tried until it is stored, because samples that nobody waits
// for share it. Their clients were answered; the keys had to wait.
void Ingest::settle_keys_of_packed(const Batch& batch, std::uint64_t now_ns) {
    for (const BatchTicket& ticket : batch.tickets())
        if (ticket.options.idempotency_entry != no_idempotency_entry)
            idempotency_->settle(ticket.options.idempotency_entry, {}, now_ns);
}

std::optional<Refusal> Ingest::refusal_before_body(const http::Request& request) const {
    const auto options = http::telemetry_options(request, offer_);
    if (!options) return options.error();
    if (request.head.idempotency_key_bytes != 0 && idempotency_ != nullptr &&
        idempotency_->knows(request.head.idempotency_key_view()))
        return std::nullopt;  // the answer is at hand, if the body is the same
    if (const auto refusal = admission_.check(options->ack)) return refusal;
    // A chunked body's size is not known: it is 0 here, and fits.
    if (!batcher_.may_have_room(request.head.content_length)) return Refusal::overloaded;
    return std::nullopt;
}

Ingest::Tally Ingest::decode(const http::Request& request, const http::TelemetryOptions& options, http::Reply& reply) {
    Tally tally;
    tally.arrival_ns = unix_ns();
    decoder_.start(request.body, options.format, {options.precision, tally.arrival_ns});
    reply.set_telemetry(options.ack, decoder_.is_single());
    batcher_.begin();
    while (take_step(decoder_.next(), tally, reply, request.received_ns)) {
    }
    return tally;
}

// False: the body is done, or refused with `reply` decided and nothing accepted.
bool Ingest::take_step(parsers::Step step, Tally& tally, http::Reply& reply, std::uint64_t now_ns) {
    switch (step) {
        case parsers::Step::sample:
            ++tally.accepted;
            if (!batcher_.append(decoder_.sample(), now_ns)) {
                // With nothing under way that could free batches it would be refused for ever.
                const bool can_fit = batcher_.in_flight_count() != 0 || batcher_.has_waiting();
                const Refusal reason = can_fit ? Refusal::overloaded : Refusal::too_many_batches;
                abandon(reason, tally.accepted);
                reply.set_refusal(reason);
                return false;
            }
            tally.last_record = decoder_.sample().raw;
            return true;
        case parsers::Step::record_refused:
            counters_.reject(decoder_.refusal());
            reply.add_error(decoder_.record_index(), decoder_.refusal());
            return true;
        case parsers::Step::body_refused:
            abandon(decoder_.refusal(), tally.accepted + 1);
            reply.set_refusal_at(decoder_.refusal(), decoder_.offset());
            return false;
        case parsers::Step::end: tally.is_whole = true; return false;
    }
    return false;
}

// The request is refused after `accepted` of its samples had been rendered.
void Ingest::abandon(Refusal reason, std::uint32_t accepted) {
    batcher_.roll_back();
    counters_.reject(reason, accepted);
}

bool Ingest::accept(const Tally& tally, const http::TelemetryOptions& options, RequestRef ref, http::Pending& pending,
                    std::uint32_t idempotency_entry) {
    counters_.received += tally.accepted;
    counters_.accepted += tally.accepted;
    admission_.taken(options.ack);
    pending.reply.accepted = tally.accepted;
    if (tally.last_record.size() <= latest_.text.size()) {
        std::memcpy(latest_.text.data(), tally.last_record.data(), tally.last_record.size());
        latest_.bytes = tally.last_record.size();
        latest_.arrival_ns = tally.arrival_ns;
    }
    if (options.ack == AckLevel::queued) {
        batcher_.commit(std::nullopt);
        return true;
    }
    const TicketOptions wanted{.wants_replicas = options.ack == AckLevel::replicated,
                               .idempotency_entry = idempotency_entry};
    pending.tickets_count = batcher_.commit(ref, wanted);
    tickets_outstanding_count_ += pending.tickets_count;
    return false;
}

// --- delivery ------------------------------------------------------------------------------------------------------

void Ingest::hand_over(std::uint64_t now_ns) {
    batcher_.hand_over(now_ns, [this, now_ns](const Batch& batch) {
        handed_over_samples_count_ += batch.handed_over_count;
        latency_.record(Stage::hand_over, batch.opened_ns, now_ns);
    });
    const std::uint64_t left_count = counters_.delivered + counters_.dropped_sink_refused;
    // How long a server is away says nothing of how fast it will take what waits.
    drain_rate_.look(now_ns, left_count, counters_.accepted != left_count && !admission_.is_cut_off());
}

void Ingest::on_settled(Batch& batch, Settlement settlement, Server& server) {
    answer_tickets(batch, settlement, server);
    if (settlement != Settlement::final) return;
    const BatchSettled& settled = batch.settled;
    CHECK(settled.delivered + settled.tickets_dropped == batch.handed_over_count);
    counters_.delivered += settled.delivered;
    counters_.dropped_sink_refused += settled.tickets_dropped;
    handed_over_samples_count_ -= batch.handed_over_count;
    latency_.record(Stage::sink, batch.handed_over_ns, settled.replied_ns);
    batcher_.settled(batch);
}

void Ingest::answer_tickets(Batch& batch, Settlement settlement, Server& server) {
    const bool is_packed = batcher_.one_command_per_batch();
    if (batch.are_tickets_answered) {
        if (is_packed) settle_keys_of_packed(batch, batch.settled.replied_ns);
        return;
    }
    batch.are_tickets_answered = true;
    const bool are_keys_settled = settlement == Settlement::final || !is_packed;
    for (const BatchTicket& ticket : batch.tickets()) {
        --tickets_outstanding_count_;
        const TicketOutcome outcome = outcome_of(batch, ticket);
        if (ticket.options.idempotency_entry != no_idempotency_entry && are_keys_settled) {
            const IdempotencyTable::Outcome fate{outcome.samples_failed, outcome.lacks_replicas};
            idempotency_->settle(ticket.options.idempotency_entry, fate, server.now_ns());
        }
        answer_ticket(ticket, outcome, server);
    }
}

Ingest::TicketOutcome Ingest::outcome_of(const Batch& batch, const BatchTicket& ticket) {
    TicketOutcome result;
    for (std::uint32_t command = ticket.first_command; command < ticket.first_command + ticket.command_count;
         ++command) {
        const CommandOutcome outcome = batch.outcome(command);
        if (outcome == CommandOutcome::delivered) continue;
        // One command is one sample, unless one command carries the whole batch.
        result.samples_failed += ticket.command_count == 1 ? ticket.sample_count : 1;
        if (outcome == CommandOutcome::refused) result.failure = Refusal::sink_refused;
    }
    result.lacks_replicas =
        ticket.options.wants_replicas && ticket.first_command < batch.settled.tickets_replicated_from;
    return result;
}

void Ingest::answer_ticket(const BatchTicket& ticket, const TicketOutcome& outcome, Server& server) {
    http::Pending* pending = server.find({ticket.pending_index, ticket.pending_generation});
    if (pending == nullptr) return;  // its client is gone, or was told that time is up
    pending->samples_failed += outcome.samples_failed;
    if (outcome.failure == Refusal::sink_refused) pending->failure = Refusal::sink_refused;
    if (outcome.lacks_replicas) pending->lacks_replicas = true;
    if (--pending->tickets_count != 0) return;
    if (pending->samples_failed != 0) {
        http::Reply& reply = pending->reply;
        const std::uint32_t accepted = reply.accepted;
        reply.set_refusal(pending->failure);
        reply.has_samples_stored = true;
        reply.samples_failed = pending->samples_failed;
        reply.samples_stored = accepted - pending->samples_failed;
    } else if (pending->lacks_replicas) {
        pending->reply.set_refusal(Refusal::not_replicated);
    }
    server.complete({ticket.pending_index, ticket.pending_generation});
}

std::uint64_t Ingest::retry_after_s(std::uint64_t least_s, std::uint64_t now_ns) const {
    const std::uint64_t attempt_ns = admission_.retry_ns();
    const Backlog backlog{.in_flight_count = in_flight_samples_count(),
                          .drained_per_s = drain_rate_.per_s(),
                          .is_rate_known = drain_rate_.is_measured() && !admission_.is_cut_off(),
                          .attempt_in_ns = attempt_ns > now_ns ? attempt_ns - now_ns : 0};
    return sluice::retry_after_s(backlog, least_s);
}

void Ingest::reset() {
    const std::uint64_t in_flight = in_flight_samples_count();
    counters_ = {};
    counters_.received = counters_.accepted = in_flight;
    drain_rate_.restart_count();
    latency_.reset();
}

}  // namespace sluice
