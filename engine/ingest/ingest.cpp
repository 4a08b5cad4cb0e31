#include "engine/ingest/ingest.hpp"

#include <algorithm>
#include <utility>

#include "engine/core/clock.hpp"
#include "engine/ingest/json_answer.hpp"
#include "engine/ingest/refusal_headers.hpp"

namespace sluice {

using http::Decision;

Ingest::Ingest(std::span<const Format> formats, Server& server, Admission& admission, Batcher& batcher,
               Settings settings, IdempotencyTable* idempotency, RefusalLog& refusal_log)
    : formats_(formats),
      server_(server),
      admission_(admission),
      batcher_(batcher),
      settings_(std::move(settings)),
      requests_(limits::pendings_count_max),
      at_once_(batcher, batcher.at_once(), counters_),
      apart_(batcher, batcher.apart(), counters_),
      inflater_at_once_(server.bodies(), settings_.inflate),
      inflater_apart_(server.bodies(), settings_.inflate),
      idempotent_(idempotency, admission),
      refusal_log_(refusal_log),
      has_owners_(!settings_.policy.is_empty()),
      tickets_(requests_, server, idempotency, batcher.is_one_command_per_batch()) {
    for (const Format& format : formats) {
        Decoders decoders;
        if (!format.refusal)
            decoders = {format.make_decoder(settings_.mapping), format.make_decoder(settings_.mapping)};
        decoders_.push_back(std::move(decoders));
    }
}

// --- a request comes -----------------------------------------------------------------------------------------------

// Prometheus sends the header with each attempt but the first.
void Ingest::note_format(const Format& format, const http::Request& request, http::Response& response,
                         tenants::TenantNumber tenant) {
    response.set_format(format.name);
    if (!settings_.cors.empty())
        response.set_cors(settings_.cors.number_of(request.head.header(parsers::RequestHeader::origin)));
    if (settings_.tells_quotas) tell_quota(tenant, response);
    if (!format.counts_retries || !request.head.has(parsers::RequestHeader::retry_attempt)) return;
    const std::string_view attempt = request.head.header(parsers::RequestHeader::retry_attempt);
    if (!attempt.empty() && attempt != "0") ++remote_write_counters_.retried_requests;
}

void Ingest::note_preflight(const http::Request& request, http::Response& response) const {
    const auto number = settings_.cors.number_of(request.head.header(parsers::RequestHeader::origin));
    if (number == http::no_cors) return;
    response.set_cors(number);
    http::add_preflight_headers(response);
}

Decision Ingest::on_request(const http::Request& request, const Gate::Passage& passage, RequestRef ref,
                            http::Response& response) {
    OpenRequest& opened = open(request, passage, ref);
    if (passage.options.has_key()) {
        if (const auto refusal = idempotent_.begin(request, passage.options, opened)) {
            refuse(passage.format,
                   {.reason = *refusal, .dialect = opened.dialect, .hides_retry_after = opened.hides_retry_after},
                   response);
            return Decision::now;
        }
        const bool is_told_whole = opened.rejected_before_count == 0 && !passage.format->tells_kinds;
        if (opened.purpose == Purpose::replay && is_told_whole) {
            answer(opened, response);
            return Decision::now;
        }
    }
    if (request.body.empty()) opened.coding = ContentCoding::identity;  // nothing is compressed
    // What is compressed is lent, or there was no memory for it (Connection).
    if (opened.coding != ContentCoding::identity && !request.is_body_lendable)
        return refuse_whole(opened, {.reason = Refusal::body_memory_full}, response);
    if (is_for_turns(request, opened)) {
        if (begin_at_once(opened)) return finish(apart_, opened, response);
        wait(opened);
        return Decision::later_with_body;
    }
    if (opened.coding != ContentCoding::identity) {
        if (!inflate_at_once(opened)) {
            wait(opened);
            return Decision::later_with_body;
        }
        if (!takes_text(inflater_at_once_, at_once_, opened)) return finish(at_once_, opened, response);
    }
    at_once_.start(*decoders_[opened.format_index].at_once, opened, unix_ns());
    const auto whole = [] { return true; };
    if (has_owners_) static_cast<void>(at_once_.read_of(owner_of(opened), whole));
    else static_cast<void>(at_once_.read(whole));
    return finish(at_once_, opened, response);
}

OpenRequest& Ingest::open(const http::Request& request, const Gate::Passage& passage, RequestRef ref) {
    CHECK(passage.format != nullptr && passage.format_index() < decoders_.size());
    OpenRequest& opened = requests_[ref.index];
    opened.ref = ref;
    opened.format_index = static_cast<std::uint16_t>(passage.format_index());
    opened.format = passage.format->name;
    opened.dialect = passage.options.dialect;
    opened.precision = passage.options.precision;
    opened.coding = passage.options.coding;
    opened.hides_retry_after = passage.options.hides_retry_after;
    opened.kept.assign(passage.options.kept);
    opened.tenant = passage.tenant;
    if (meter_ != nullptr) {
        const auto address = meter_->counted(request);
        opened.is_counted = address.has_value();
        opened.counted_for = address.value_or(IpAddress{});
    }
    opened.purpose = Purpose::store;
    opened.idempotency_entry = no_idempotency_entry;
    opened.received_ns = request.received_ns;
    opened.body = request.body;
    opened.is_waiting = false;
    opened.ack = passage.options.ack;
    opened.result.start(passage.options.promised_ack, false);
    opened.result.dialect = passage.options.dialect;
    return opened;
}

// --- bodies that are read in turns ---------------------------------------------------------------------------------

// What lies in a receive buffer is read now: it is short (Connection moves what is longer than a window), and one
// iteration has no more of it than io.receive_buffers hold. A compressed body may be a long one; where nobody stands in
// the line, it is read as one.
bool Ingest::is_for_turns(const http::Request& request, const OpenRequest& opened) const {
    if (!request.is_body_lendable) return false;
    if (opened.coding != ContentCoding::identity && first_waiting_ == nullptr) return true;
    return read_until_ns_ >= turn_end_ns() || request.body.size() > limits::decode_window_bytes;
}

// Nobody stands in the line: the body's turn is now, while the processor's caches still hold it. False: it is not read
// to its end, and waits as the first.
bool Ingest::begin_at_once(OpenRequest& request) {
    if (first_waiting_ != nullptr || read_until_ns_ >= turn_end_ns()) return false;
    return read_apart(request, turn_end_ns());
}

// Begins or goes on. False: time is up.
bool Ingest::read_apart(OpenRequest& request, std::uint64_t until_ns) {
    if (apart_.state() != BodyReader::State::reading) {
        if (request.coding != ContentCoding::identity) {
            if (inflate(inflater_apart_, request, until_ns) == BodyInflater::State::inflating) return false;
            if (!takes_text(inflater_apart_, apart_, request)) return true;
        }
        apart_.start(*decoders_[request.format_index].apart, request, unix_ns());
    }
    const auto is_time = [until_ns] { return monotonic_ns() < until_ns; };
    if (!has_owners_) return apart_.read(is_time) != BodyReader::State::reading;
    // Of now: there may have been a reload since its last turn.
    if (is_owner_gone(request)) apart_.refuse(Refusal::forbidden);
    else static_cast<void>(apart_.read_of(owner_of(request), is_time));
    return apart_.state() != BodyReader::State::reading;
}

// Begins or goes on, for a step at least.
BodyInflater::State Ingest::inflate(BodyInflater& inflater, OpenRequest& request, std::uint64_t until_ns) {
    const std::uint64_t begin_ns = monotonic_ns();
    if (inflater.state() == BodyInflater::State::idle) inflater.start(request.coding, request.body);
    const BodyInflater::State state = inflater.inflate([until_ns] { return monotonic_ns() < until_ns; });
    read_until_ns_ = monotonic_ns();
    coding_counters_.took(request.coding, read_until_ns_ - begin_ns);
    return state;
}

SampleOwner Ingest::owner_of(const OpenRequest& request) const {
    if (access_ == nullptr) return {.policy = settings_.policy.is_empty() ? nullptr : &settings_.policy};
    const tenants::TenantTable& table = access_->table();
    const tenants::Tenant* const tenant = table.tenant(request.tenant);
    CHECK(tenant != nullptr);  // the gate, or is_owner_gone(), has looked
    SampleOwner owner{.tenant = tenant->name,
                      .stream_index = table.stream_index(request.tenant),
                      .policy = tenant->policy.is_empty() ? nullptr : &tenant->policy};
    if (!tenant->has_dead_letters) return owner;
    owner.letters = letters_;
    owner.letters_stream = tenant->stream.empty() ? std::string_view(settings_.stream) : tenant->stream;
    const Format& format = format_of(request);
    if (!format.paths.empty()) owner.path = format.paths.front();
    const auto& names = format.precision_names;
    const auto name = std::ranges::find(names, request.precision, &PrecisionName::precision);
    if (name != names.end()) owner.precision = name->name;
    return owner;
}

// One step. False: the text is long, or not whole yet; the body waits for its turn, and is begun anew then.
bool Ingest::inflate_at_once(OpenRequest& request) {
    const BodyInflater::State state = inflate(inflater_at_once_, request, 0);
    const bool is_short = inflater_at_once_.text().size() <= limits::decode_window_bytes;
    if (state != BodyInflater::State::inflating && is_short) return true;
    inflater_at_once_.release();
    return false;
}

// The body is decompressed: from here on it is its text. False: the request is refused, and `reader` says why.
bool Ingest::takes_text(BodyInflater& inflater, BodyReader& reader, OpenRequest& request) {
    if (inflater.state() == BodyInflater::State::refused) {
        reader.refuse_unread(request, inflater.refusal());
        return false;
    }
    coding_counters_.read(request.coding, request.body.size(), inflater.text().size());
    request.body = inflater.text();
    request.coding = ContentCoding::identity;
    if (!request.body.empty() || format_of(request).may_be_empty) return true;
    reader.refuse_unread(request, Refusal::empty_body);
    return false;
}

void Ingest::wait(OpenRequest& request) {
    request.previous = last_waiting_;
    request.next = nullptr;
    (last_waiting_ == nullptr ? first_waiting_ : last_waiting_->next) = &request;
    last_waiting_ = &request;
    request.is_waiting = true;
}

void Ingest::leave_line(OpenRequest& request) {
    CHECK(request.is_waiting);
    (request.previous == nullptr ? first_waiting_ : request.previous->next) = request.next;
    (request.next == nullptr ? last_waiting_ : request.next->previous) = request.previous;
    request.is_waiting = false;
}

void Ingest::on_body_lost(RequestRef ref) {
    OpenRequest& request = requests_[ref.index];
    if (&request == first_waiting_) {
        if (apart_.state() == BodyReader::State::reading) apart_.forget();
        inflater_apart_.release();
    }
    idempotent_.refused(request);
    leave_line(request);
}

void Ingest::read_waiting() {
    if (first_waiting_ == nullptr) return;
    // Also where the iteration was long already: a little, so that long bodies are read at all.
    const std::uint64_t until_ns = std::max(turn_end_ns(), monotonic_ns() + limits::decode_turn_ns_min);
    while (first_waiting_ != nullptr && read_first_waiting(until_ns)) {  // ends: each turn takes a body off the line
    }
}

// False: time is up.
bool Ingest::read_first_waiting(std::uint64_t until_ns) {
    OpenRequest& request = *first_waiting_;
    http::Response* response = server_.find(request.ref);
    CHECK(response != nullptr);  // else on_body_lost() or on_overdue() had come
    if (!read_apart(request, until_ns)) return false;
    leave_line(request);
    if (finish(apart_, request, *response) == Decision::now) server_.complete(request.ref);
    else server_.take_body_back(request.ref);
    return read_until_ns_ < until_ns;
}

// --- a body is read ------------------------------------------------------------------------------------------------

Decision Ingest::finish(BodyReader& reader, OpenRequest& request, http::Response& response) {
    const Decision decision = decide(reader, request, response);
    (&reader == &apart_ ? inflater_apart_ : inflater_at_once_).release();
    return decision;
}

// The body is still there.
Decision Ingest::decide(BodyReader& reader, OpenRequest& request, http::Response& response) {
    read_until_ns_ = monotonic_ns();
    latency_.record(Stage::decode, request.format, request.received_ns, read_until_ns_);
    const IngestResult& result = request.result;
    if (reader.state() == BodyReader::State::refused || result.rejected != 0) note_refusals(reader, request);
    if (reader.state() == BodyReader::State::refused) return refuse_whole(request, reader.refusal(), response);
    const Format& format = format_of(request);
    // While the body is there: the answer may come when it is gone.
    if (format.quotes_lines && result.rejected != 0)
        request.result.first_fault.quote(request.body, result.errors[0].offset);
    if (request.purpose == Purpose::replay) return finish_replay(request, response);
    if (reader.accepted_count() != 0) return accept(reader, request, response);
    if (result.rejected == 0 && !format.may_be_empty)
        return refuse_whole(request, {.reason = Refusal::no_samples}, response);
    if (result.is_single) return refuse_whole(request, {.reason = result.errors[0].refusal}, response);
    idempotent_.refused(request);
    answer(request, response);
    return Decision::now;
}

// The body is still there.
void Ingest::note_refusals(const BodyReader& reader, const OpenRequest& request) {
    const IngestResult& result = request.result;
    const bool is_counted = access_ != nullptr && request.purpose == Purpose::store;
    if (is_counted && reader.state() != BodyReader::State::refused)
        access_->note_rejected(request.tenant, result.rejected);
    if (request.coding != ContentCoding::identity) {  // its text was never there
        refusal_log_.on_body(reader.refusal().reason, server_.slot_of(request.ref), {.text = {}});
    } else if (reader.state() == BodyReader::State::refused) {
        const RequestRefusal& refusal = reader.refusal();
        const auto offset = refusal.has_offset ? std::optional(refusal.offset) : std::nullopt;
        refusal_log_.on_body(refusal.reason, server_.slot_of(request.ref), {.text = request.body, .offset = offset});
    } else {
        const RecordError& first = result.errors[0];
        refusal_log_.on_body(first.refusal, server_.slot_of(request.ref),
                             {.text = request.body,
                              .offset = first.offset,
                              .record_index = first.index,
                              .records_refused_count = result.rejected});
    }
}

Decision Ingest::accept(BodyReader& reader, OpenRequest& request, http::Response& response) {
    const AckLevel ack = request.ack;
    const Batcher::Transaction& transaction = &reader == &apart_ ? batcher_.apart() : batcher_.at_once();
    if (const auto lanes = transaction.independent_lanes(); !lanes.empty()) {
        if (const auto refusal = admission_.check_lanes(ack, lanes)) {
            reader.abandon(*refusal);
            return refuse_whole(request, {.reason = *refusal}, response);
        }
    }
    admission_.taken(ack);
    if (access_ != nullptr) access_->charge_samples(request.tenant, reader.accepted_count(), request.received_ns);
    if (meter_ != nullptr && request.is_counted)
        meter_->charge_samples(request.counted_for, reader.accepted_count(), request.received_ns);
    const TicketOptions wanted{.wants_replicas = ack == AckLevel::replicated,
                               .idempotency_entry = request.idempotency_entry};
    const bool waits = ack != AckLevel::queued;
    const std::uint32_t tickets_count =
        reader.commit(waits ? std::optional(request.ref) : std::nullopt, wanted, latest_);
    idempotent_.accepted(request, tickets_count);
    if (waits) {
        tickets_.add(request, tickets_count);
        return Decision::later;
    }
    answer(request, response);
    return Decision::now;
}

// The body is the same as the first request's, and so is what is wrong with it: unless two fingerprints met.
Decision Ingest::finish_replay(OpenRequest& request, http::Response& response) {
    if (request.result.rejected != request.rejected_before_count)
        return refuse_whole(request, {.reason = Refusal::idempotency_mismatch}, response);
    answer(request, response);
    return Decision::now;
}

// --- answers -------------------------------------------------------------------------------------------------------

Decision Ingest::refuse_whole(OpenRequest& request, RequestRefusal refusal, http::Response& response) {
    idempotent_.refused(request);
    refusal.dialect = request.dialect;
    refusal.hides_retry_after = request.hides_retry_after;
    refuse(&format_of(request), refusal, response);
    return Decision::now;
}

void Ingest::refuse(const Format* format, RequestRefusal refusal, http::Response& response) {
    if (format != nullptr)
        refusal.is_told_as_503 = (format->drops_on_4xx && is_temporary_4xx(refusal.reason)) ||
                                 (refusal.reason == Refusal::quota_exceeded && drops_on_429(*format));
    if ((refusal.is_told_as_503 || tells_retry_after(refusal.reason)) && !refusal.hides_retry_after)
        refusal.retry_after_s = refusal.excess            ? refusal.excess->retry_s
                                : refusal.status() == 503 ? retry_after_s()
                                                          : settings_.retry_after_s;
    // RFC 9110 section 15.5.16; section 12.5.3: Accept-Encoding only where the coding is the reason.
    if (refusal.reason == Refusal::unsupported_encoding) refusal.accept_encoding = settings_.accept_encoding;
    if (refusal.reason == Refusal::unsupported_media_type && format != nullptr) refusal.accept = format->accept;
    if (info_of(refusal.reason).status == 401)
        refusal.challenge = format == nullptr ? bearer_challenge : format->challenge;
    (format == nullptr ? refuse_json : format->refuse)(refusal, response, server_.blocks());
}

bool Ingest::drops_on_429(const Format& format) const {
    const bool keeps = format.name == IngestFormat::remote_write && settings_.has_429_for_remote_write;
    return format.drops_on_429 && !keeps;
}

// A body that is not read to its end has no time that could run out: then the engine ends, and nothing of it was
// stored.
void Ingest::on_overdue(RequestRef ref, http::Response& response) {
    const OpenRequest& request = requests_[ref.index];
    const bool is_ours = request.format_index != no_format_index;
    const bool is_unread = is_ours && request.is_waiting;
    if (is_unread) on_body_lost(ref);
    const Refusal reason = is_unread ? Refusal::draining : Refusal::ack_timeout;
    const parsers::Dialect dialect = is_ours ? request.dialect : parsers::Dialect{};
    refuse(is_ours ? &format_of(request) : nullptr,
           {.reason = reason, .dialect = dialect, .hides_retry_after = is_ours && request.hides_retry_after}, response);
}

void Ingest::tell_quota(tenants::TenantNumber tenant, http::Response& response) const {
    if (access_ == nullptr || tenant == tenants::no_tenant) return;
    tenants::QuotaLevels levels;
    const std::size_t count = access_->fill_levels(tenant, server_.now_ns(), levels);
    set_quota_lines(std::span(levels).first(count), response);
}

void Ingest::answer(const OpenRequest& request, http::Response& response) {
    if (settings_.tells_quotas) tell_quota(request.tenant, response);  // what it has brought is counted now
    format_of(request).answer(request.result, response, server_.blocks());
}

void Ingest::answer_settled(OpenRequest& request) {
    http::Response* response = server_.find(request.ref);
    CHECK(response != nullptr);
    if (request.samples_failed != 0) {
        refuse(&format_of(request),
               {.reason = request.failure,
                .dialect = request.dialect,
                .has_stored = true,
                .samples_stored = request.result.accepted - request.samples_failed,
                .samples_failed = request.samples_failed,
                .failed_records = tickets_.failed_records_of(request).ranges(),
                .result = &request.result,
                .hides_retry_after = request.hides_retry_after},
               *response);
    } else if (request.lacks_replicas) {
        refuse(&format_of(request),
               {.reason = Refusal::not_replicated,
                .dialect = request.dialect,
                .hides_retry_after = request.hides_retry_after},
               *response);
    } else {
        answer(request, *response);
    }
    server_.complete(request.ref);
}

std::uint64_t Ingest::retry_after_s() const {
    const std::uint64_t now_ns = server_.now_ns();
    const std::uint64_t attempt_ns = admission_.retry_ns();
    const Backlog backlog{.in_flight_count = in_flight_samples_count(),
                          .drained_per_s = drain_rate_.per_s(),
                          .is_rate_known = drain_rate_.is_measured() && !admission_.is_cut_off(),
                          .attempt_in_ns = attempt_ns > now_ns ? attempt_ns - now_ns : 0};
    return sluice::retry_after_s(backlog, settings_.retry_after_s);
}

// --- delivery ------------------------------------------------------------------------------------------------------

void Ingest::hand_over(std::uint64_t now_ns) {
    batcher_.hand_over(now_ns, [this, now_ns](const Batch& batch) {
        handed_over_samples_count_ += batch.handed_over_count;
        for (const IngestFormat format : ingest_formats)
            handed_over_samples_by_format_[format] += batch.shares[format].samples_count;
        latency_.record(Stage::hand_over, batch.sole_format(), batch.opened_ns, now_ns);
    });
    const bool is_any_in_flight = handed_over_samples_count_ != 0 || batcher_.has_waiting();
    // How long a server is away says nothing of how fast it will take what waits.
    drain_rate_.observe(now_ns, settled_samples_count_, is_any_in_flight && !admission_.is_cut_off());
}

void Ingest::on_settled(Batch& batch, Settlement settlement) {
    tickets_.take(batch, settlement, [this](OpenRequest& request) { answer_settled(request); });
    if (settlement != Settlement::final) return;
    const BatchSettled& settled = batch.settled;
    CHECK(settled.delivered + settled.tickets_dropped == batch.handed_over_count);
    CHECK(handed_over_samples_count_ >= batch.handed_over_count);
    handed_over_samples_count_ -= batch.handed_over_count;
    settled_samples_count_ += batch.handed_over_count;
    settle_shares(batch);
    latency_.record(Stage::sink, batch.sole_format(), batch.handed_over_ns, settled.replied_ns);
    batcher_.settled(batch);
}

// One command that carries the whole batch is delivered or dropped with all of its samples.
void Ingest::settle_shares(const Batch& batch) {
    const bool is_one_command = batcher_.is_one_command_per_batch();
    std::uint32_t samples_count = 0, dropped_count = 0;
    for (const IngestFormat format : ingest_formats) {
        const FormatShare& share = batch.shares[format];
        if (share.samples_count == 0) continue;
        const std::uint32_t one_command_dropped = batch.settled.tickets_dropped != 0 ? share.samples_count : 0;
        const std::uint32_t dropped = is_one_command ? one_command_dropped : share.tickets_dropped;
        CHECK(dropped <= share.samples_count && share.samples_count <= handed_over_samples_by_format_[format]);
        counters_[format].delivered += share.samples_count - dropped;
        counters_[format].dropped_sink_refused += dropped;
        handed_over_samples_by_format_[format] -= share.samples_count;
        samples_count += share.samples_count;
        dropped_count += dropped;
    }
    CHECK(samples_count == batch.handed_over_count && dropped_count == batch.settled.tickets_dropped);
}

ByFormat<std::uint64_t> Ingest::in_flight_samples_by_format() const {
    ByFormat<std::uint64_t> counts = batcher_.waiting_samples_by_format();
    for (const IngestFormat format : ingest_formats) counts[format] += handed_over_samples_by_format_[format];
    return counts;
}

void Ingest::reset() {
    const ByFormat<std::uint64_t> in_flight = in_flight_samples_by_format();
    counters_ = {};
    coding_counters_ = {};
    remote_write_counters_ = {};
    settled_samples_count_ = 0;
    for (const IngestFormat format : ingest_formats)
        counters_[format].received = counters_[format].accepted = in_flight[format];
    drain_rate_.restart_count();
    latency_.reset();
}

}  // namespace sluice
