#include "engine/ingest/body_reader.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/dead_letters/record_text.hpp"
#include "engine/ingest/percent.hpp"

namespace sluice {

void BodyReader::start(parsers::Decoder& decoder, OpenRequest& request, std::int64_t arrival_ns) {
    CHECK(state_ != State::reading && transaction_.is_empty());
    decoder_ = &decoder;
    request_ = &request;
    state_ = State::reading;
    accepted_count_ = 0;
    arrival_ns_ = arrival_ns;
    latest_record_ = {};
    const parsers::DecodeOptions options{.precision = request.precision,
                                         .arrival_ns = arrival_ns,
                                         .others = request.kept.in(kept_),
                                         .needs_raw = batcher_.needs_raw()};
    decoder.start(request.body, request.dialect, options);
    request.result.is_single = decoder.is_single();
}

// The four that each record passes are one function for the compiler: as calls they cost 60 of some 3,100 instructions
// that a record of 118 bytes takes.
[[gnu::always_inline]] inline void BodyReader::keep_as_latest(std::string_view record) {
    if (record.empty()) return;
    const std::string_view body = request_->body;
    const bool is_in_body =
        !std::less<>()(record.data(), body.data()) && std::less<>()(record.data(), body.data() + body.size());
    if (!is_in_body) {
        CHECK(record.size() <= latest_.size());
        record.copy(latest_.data(), record.size());
        record = {latest_.data(), record.size()};
    }
    latest_record_ = record;
}

template <bool is_owned>
[[gnu::always_inline]] inline void BodyReader::take_sample() {
    if constexpr (is_owned)
        if (refuses_sample()) return;
    ++accepted_count_;
    if (request_->purpose == Purpose::replay) return;
    const Sample& sample = is_owned ? owned_sample() : decoder_->sample();
    const std::uint32_t record_index = accepted_count_ - 1 + request_->result.rejected;
    if (transaction_.append(sample, request_->received_ns, record_index)) return keep_as_latest(sample.raw);
    // With nothing under way that could free batches it would be refused for ever.
    const Batcher::Transaction& other = &transaction_ == &batcher_.apart() ? batcher_.at_once() : batcher_.apart();
    const bool can_fit = batcher_.in_flight_count() != 0 || batcher_.has_waiting() || !other.is_empty();
    refuse(can_fit ? Refusal::overloaded : Refusal::too_many_batches);
}

// As a record that the decoder refuses.
bool BodyReader::refuses_sample() {
    if (owner_.policy == nullptr) return false;
    const auto refusal = owner_.policy->check(decoder_->sample(), arrival_ns_);
    if (!refusal) return false;
    if (request_->purpose == Purpose::store) counters().reject(*refusal);
    request_->result.add_error(decoder_->record_index(), *refusal, decoder_->extent().begin);
    if (owner_.letters != nullptr) keep_letter(*refusal, decoder_->sample().device_id);
    return true;
}

// `device_id`: empty if it is not known.
void BodyReader::keep_letter(Refusal reason, std::string_view device_id) {
    if (request_->purpose != Purpose::store) return;
    const auto [begin, end] = decoder_->extent();
    MessageText path;
    tell_path(path);
    owner_.letters->offer({.stream = owner_.letters_stream,
                           .tenant = owner_.tenant,
                           .tenant_number = request_->tenant,
                           .device_id = device_id,
                           .precision = owner_.precision,
                           .path = path.view(),
                           .raw = dead_letters::record_at(request_->body, begin, end, request_->format, reason),
                           .reason = reason,
                           .format = request_->format,
                           .received_ns = arrival_ns_,
                           .offset = begin});
}

// With what of the query changes what is stored, and nothing else of it: it may hold a token.
void BodyReader::tell_path(MessageText& path) const {
    path << owner_.path;
    std::string_view before = "?";
    const auto add = [&](std::string_view name, std::string_view value) {
        path << std::exchange(before, "&") << name << "=";
        percent_encode(value, [&path](std::string_view piece) { path << piece; });
    };
    if (!owner_.precision.empty()) add("precision", owner_.precision);
    KeptParameters::Members members;
    for (const Member& kept : request_->kept.in(members)) add(kept.name, kept.value);
}

const Sample& BodyReader::owned_sample() {
    owned_sample_ = decoder_->sample();
    owned_sample_.tenant = owner_.tenant;
    owned_sample_.stream_index = owner_.stream_index;
    return owned_sample_;
}

template <bool is_owned>
[[gnu::always_inline]] inline void BodyReader::read_one() {
    switch (decoder_->next()) {
        case parsers::Step::sample: return take_sample<is_owned>();
        case parsers::Step::record_refused:
            if (request_->purpose == Purpose::store) counters().reject(decoder_->refusal());
            if constexpr (is_owned)
                if (owner_.letters != nullptr) keep_letter(decoder_->refusal(), {});
            return request_->result.add_error(decoder_->record_index(), decoder_->refusal(), decoder_->offset());
        case parsers::Step::more: has_paused_ = true; return;
        case parsers::Step::body_refused:
            ++accepted_count_;  // the record at which it broke counts as well
            abandon(decoder_->refusal());
            refusal_ = {.reason = decoder_->refusal(), .has_offset = true, .offset = decoder_->offset()};
            return;
        case parsers::Step::end:
            state_ = State::whole;
            request_->result.kinds = decoder_->kinds();
            return;
    }
}

template <bool is_owned>
void BodyReader::read_some() {
    const std::size_t until_offset = decoder_->offset() + look_bytes;
    has_paused_ = false;
    for (int i = 0; i < records_per_look_count && state_ == State::reading && !has_paused_; ++i) {
        read_one<is_owned>();
        if (decoder_->offset() >= until_offset) return;
    }
}
template void BodyReader::read_some<false>();
template void BodyReader::read_some<true>();

void BodyReader::refuse(Refusal reason) {
    abandon(reason);
    refusal_ = {.reason = reason};
}

void BodyReader::refuse_unread(OpenRequest& request, Refusal reason) {
    CHECK(state_ != State::reading && transaction_.is_empty());
    request_ = &request;
    accepted_count_ = 0;
    refusal_ = {.reason = reason};
    state_ = State::refused;
}

void BodyReader::abandon(Refusal reason) {
    transaction_.roll_back();
    if (request_->purpose == Purpose::store) counters().reject(reason, accepted_count_);
    state_ = State::refused;
}

void BodyReader::forget() {
    transaction_.roll_back();
    state_ = State::idle;
}

std::uint32_t BodyReader::commit(std::optional<RequestRef> ref, TicketOptions options, LatestSample& latest) {
    CHECK(state_ == State::whole && accepted_count_ != 0 && request_->purpose == Purpose::store);
    counters().received += accepted_count_;
    counters().accepted += accepted_count_;
    request_->result.accepted = accepted_count_;
    if (!latest_record_.empty()) {
        CHECK(latest_record_.size() <= latest.text.size());  // see Sample::raw
        latest_record_.copy(latest.text.data(), latest_record_.size());
        latest.bytes = latest_record_.size();
        latest.arrival_ns = arrival_ns_;
    }
    options.format = request_->format;
    return transaction_.commit(ref, options);
}

}  // namespace sluice
