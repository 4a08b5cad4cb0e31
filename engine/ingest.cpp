#include "engine/ingest.hpp"

#include <cstring>

#include "engine/core/clock.hpp"

namespace sluice {

bool Ingest::on_telemetry(const http::Request& request, http::PendingRef ref, http::Pending& pending) {
    http::Reply& reply = pending.reply;
    const auto refuse = [&reply](Refusal reason) {
        reply.set_refusal(reason);
        return true;
    };
    const auto options = http::telemetry_options(request, offer_);
    if (!options) return refuse(options.error());
    if (const auto refusal = admission_.check(options->ack)) return refuse(*refusal);
    if (request.body.empty()) return refuse(Refusal::empty_body);

    const Tally tally = decode(request, *options, reply);
    latency_.record(Stage::decode, request.received_ns, monotonic_ns());
    if (!tally.is_whole) return true;
    if (tally.accepted == 0) {
        batcher_.roll_back();
        if (reply.rejected == 0) return refuse(Refusal::no_samples);
        if (reply.is_single) return refuse(reply.errors[0].refusal);
        return true;
    }
    return accept(tally, *options, ref, pending);
}

std::optional<Refusal> Ingest::refusal_before_body(const http::Request& request) const {
    const auto options = http::telemetry_options(request, offer_);
    if (!options) return options.error();
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

bool Ingest::accept(const Tally& tally, const http::TelemetryOptions& options, http::PendingRef ref,
                    http::Pending& pending) {
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
    pending.tickets_count = batcher_.commit(ref, options.ack == AckLevel::replicated);
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
    drain_rate_.look(now_ns, left_count, counters_.accepted != left_count);
}

void Ingest::on_settled(Batch& batch, Settlement settlement, Server& server) {
    answer_tickets(batch, server);
    if (settlement != Settlement::final) return;
    const BatchSettled& settled = batch.settled;
    CHECK(settled.delivered + settled.tickets_dropped == batch.handed_over_count);
    counters_.delivered += settled.delivered;
    counters_.dropped_sink_refused += settled.tickets_dropped;
    handed_over_samples_count_ -= batch.handed_over_count;
    latency_.record(Stage::sink, batch.handed_over_ns, settled.replied_ns);
    batcher_.settled(batch);
}

void Ingest::answer_tickets(Batch& batch, Server& server) {
    if (batch.are_tickets_answered) return;
    batch.are_tickets_answered = true;
    for (const BatchTicket& ticket : batch.tickets()) {
        --tickets_outstanding_count_;
        answer_ticket(batch, ticket, server);
    }
}

void Ingest::answer_ticket(const Batch& batch, const BatchTicket& ticket, Server& server) {
    http::Pending* pending = server.find({ticket.pending_index, ticket.pending_generation});
    if (pending == nullptr) return;  // its client is gone, or was told that time is up
    for (std::uint32_t command = ticket.first_command; command < ticket.first_command + ticket.command_count; ++command) {
        const CommandOutcome outcome = batch.outcome(command);
        if (outcome == CommandOutcome::delivered) continue;
        // One command is one sample, unless one command carries the whole batch.
        pending->samples_failed += ticket.command_count == 1 ? ticket.sample_count : 1;
        if (outcome == CommandOutcome::refused) pending->failure = Refusal::sink_refused;
    }
    if (ticket.wants_replicas && ticket.first_command < batch.settled.tickets_replicated_from) pending->lacks_replicas = true;
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
                          .is_rate_known = drain_rate_.is_measured(),
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
