#include "engine/http/connection.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::http {

namespace {

// A target in absolute form, which a server must accept (RFC 9112 section 3.2.2), without scheme and authority. With
// OPTIONS and no path it means the server, as `*` does (section 3.2.4).
std::string_view without_authority(std::string_view target, parsers::Method method) {
    if (target.starts_with('/')) return target;
    const std::size_t scheme_end = target.find("://");
    if (scheme_end == std::string_view::npos) return target;
    const std::size_t path = target.find_first_of("/?", scheme_end + 3);
    if (path != std::string_view::npos) return target.substr(path);
    return method == parsers::Method::options ? "*" : "/";
}

}  // namespace

class Connection::BodyCollector final : public parsers::BodyReceiver {
  public:
    BodyCollector(Connection& connection, Context& context) : connection_(connection), context_(context) {}
    std::optional<Refusal> on_body(std::span<const char> bytes) override {
        return connection_.collect(context_, bytes);
    }

  private:
    Connection& connection_;
    Context& context_;
};

void Connection::open(Context& context, Slot slot, std::uint8_t listener_role_number) {
    CHECK(state_ == State::closed);
    *this = Connection{};
    parser_.start(context.settings.body_bytes_max);
    pending_first_ = pending_last_ = no_pending;
    slot_ = slot;
    listener_role_number_ = listener_role_number;
    last_activity_ns_ = context.now_ns;
    transition(State::open);
}

void Connection::transition(State next) {
    const bool is_legal =
        (state_ == State::closed && next == State::open) || (state_ == State::open && next == State::finishing) ||
        (state_ == State::finishing && next == State::lingering) || (state_ != State::closed && next == State::closing);
    CHECK(is_legal);
    state_ = next;
}

// --- reading -----------------------------------------------------------------------------------------------------

bool Connection::is_blocked(const Context& context) const {
    return body_use_ == BodyUse::lent || pending_count_ >= limits::pending_per_connection_count_max ||
           output_.bytes >= output_high_water_bytes || !context.pendings.has_room();
}

void Connection::on_bytes(Context& context, std::span<const char> bytes) {
    if (state_ != State::open) return;  // what follows the last request is discarded, never parsed
    if (stash_bytes_ != 0) return stash(context, bytes);
    const std::size_t consumed = consume(context, bytes);
    if (state_ == State::open && consumed < bytes.size()) stash(context, bytes.subspan(consumed));
    if (context.phase != Phase::serving) flush_ready(context);  // an answer that was held back may not be the last now
}

std::size_t Connection::consume(Context& context, std::span<const char> bytes) {
    using Event = parsers::HttpParser::Event;
    BodyCollector collector(*this, context);
    std::size_t consumed = 0;
    while (state_ == State::open && consumed < bytes.size() && !is_blocked(context)) {
        if (head_ == nullptr) head_ = context.heads.take();
        if (!parser_.is_in_request()) request_begin_ns_ = context.now_ns;
        const auto result = parser_.parse(bytes.subspan(consumed), *head_, collector);
        consumed += result.consumed_bytes;
        if (result.event == Event::head) on_head(context);
        if (result.event == Event::complete) dispatch(context);
        if (result.event == Event::refused) refuse(context, parser_.refusal());
    }
    if (state_ == State::open && parser_.is_in_body() && head_complete_ns_ == 0) on_head_without_body(context);
    if (!keep_partial_body(context)) refuse(context, Refusal::body_memory_full);
    if (head_ != nullptr && (!parser_.is_in_request() || state_ != State::open)) {
        context.heads.give_back(head_);
        head_ = nullptr;
    }
    return consumed;
}

void Connection::stash(Context& context, std::span<const char> bytes) {
    const std::size_t wanted = stash_bytes_ + bytes.size();
    has_stashed_ = true;
    if (stash_begin_ != 0 && stash_begin_ + wanted > stash_.capacity_bytes) {
        std::memmove(stash_.data, stash_.data + stash_begin_, stash_bytes_);
        stash_begin_ = 0;
    }
    if (wanted > stash_.capacity_bytes && !context.bodies.grow(stash_, wanted, stash_bytes_)) return abort(context);
    std::memcpy(stash_.data + stash_begin_ + stash_bytes_, bytes.data(), bytes.size());
    stash_bytes_ = wanted;
}

void Connection::resume(Context& context) {
    if (stash_bytes_ == 0 || state_ != State::open || is_blocked(context)) return;
    BodyBlock block = std::move(stash_);
    const std::size_t begin = std::exchange(stash_begin_, 0);
    const std::size_t bytes = std::exchange(stash_bytes_, 0);
    const std::size_t consumed = consume(context, {block.data + begin, bytes});
    if (state_ == State::open && consumed < bytes) {
        stash_ = std::move(block);
        stash_begin_ = begin + consumed;
        stash_bytes_ = bytes - consumed;
    } else {
        context.bodies.give_back(block);
        if (has_client_ended_ && state_ == State::open) transition(State::finishing);
    }
    if (context.phase != Phase::serving) flush_ready(context);
}

void Connection::on_end_of_stream(Context& context) {
    has_client_ended_ = true;
    if (state_ == State::open && stash_bytes_ == 0) transition(State::finishing);
    if (state_ == State::lingering) close_now();  // it has seen our end, and we see its own
    if (context.phase != Phase::serving) flush_ready(context);
}

// A request that expects 100-continue: refuse it before its body is sent, or ask for the body.
void Connection::on_head(Context& context) {
    head_complete_ns_ = context.now_ns;
    if (refuse_head(context, false)) return;
    body_use_ = BodyUse::awaits_continue;
    flush_ready(context);
}

// All bytes were read, and the head of a request is complete, but not its body.
void Connection::on_head_without_body(Context& context) {
    head_complete_ns_ = context.now_ns;
    const std::uint64_t here_bytes = body_bytes_ + body_view_.size();
    // How long a chunked body is will be seen: content_length is 0.
    static_cast<void>(refuse_head(context, head_->content_length <= here_bytes + limits::refused_body_bytes_max));
}

// True: the request is refused, and answered in its turn.
bool Connection::refuse_head(Context& context, bool may_discard) {
    const PendingIndex index = take_pending(context);
    Pending& pending = context.pendings[index];
    if (!context.application.refuses_head(request_of(context.now_ns), pending.response)) {
        context.pendings.give_back(index);
        return false;
    }
    enqueue(context, index);
    pending.closes =
        context.phase != Phase::serving || !may_discard || !head_->keeps_alive || pending.response.ends_connection();
    drop_body(context);
    body_use_ = pending.closes ? BodyUse::collected : BodyUse::discarded;
    if (pending.closes) transition(State::finishing);
    decide(context, pending);
    return true;
}

// The body of a request that was answered before is there.
void Connection::end_discarding(Context& context) {
    last_activity_ns_ = context.now_ns;
    head_complete_ns_ = 0;
    body_bytes_ = 0;
    body_use_ = BodyUse::collected;
}

// --- the body ----------------------------------------------------------------------------------------------------

std::optional<Refusal> Connection::collect(Context& context, std::span<const char> bytes) {
    if (body_use_ == BodyUse::discarded) return discard(context, bytes.size());
    body_use_ = BodyUse::collected;  // a client that waited for 100 Continue waits no longer
    const std::size_t bytes_before = body_bytes_ + body_view_.size();
    if (bytes_before + bytes.size() > context.settings.body_bytes_max) return Refusal::body_too_large;
    if (bytes_before == 0) {
        body_view_ = bytes;
        return std::nullopt;
    }
    if (!reserve_body(context, bytes_before + bytes.size())) return Refusal::body_memory_full;
    std::memcpy(body_.data + body_bytes_, bytes.data(), bytes.size());
    body_bytes_ += bytes.size();
    return std::nullopt;
}

// Of the body of a request that is answered already. Too much of it: the connection ends, without another answer.
std::optional<Refusal> Connection::discard(const Context& context, std::size_t bytes) {
    body_bytes_ += bytes;
    const std::size_t bytes_max =
        std::min<std::size_t>(limits::refused_body_bytes_max, context.settings.body_bytes_max);
    if (body_bytes_ <= bytes_max) return std::nullopt;
    return Refusal::body_too_large;
}

// Makes room for `bytes` in body_, and moves what was only viewed so far into it.
bool Connection::reserve_body(Context& context, std::size_t bytes) {
    // The whole body at once, where the head says how long it is.
    const std::size_t wanted = std::max<std::size_t>(bytes, head_->content_length);
    if (bytes > body_.capacity_bytes && !context.bodies.grow(body_, wanted, body_bytes_)) return false;
    if (!body_view_.empty()) {
        std::memcpy(body_.data, body_view_.data(), body_view_.size());
        body_bytes_ = body_view_.size();
        body_view_ = {};
    }
    return true;
}

// The received bytes are about to go: what was only viewed must be copied, unless the request is done.
bool Connection::keep_partial_body(Context& context) {
    if (body_view_.empty()) return true;
    if (state_ == State::open && parser_.is_in_request()) return reserve_body(context, body_view_.size());
    body_view_ = {};
    return true;
}

void Connection::drop_body(Context& context) {
    body_view_ = {};
    body_bytes_ = 0;
    context.bodies.give_back(body_);
}

// --- answering ---------------------------------------------------------------------------------------------------

Request Connection::request_of(std::uint64_t received_ns) const {
    const std::string_view target = without_authority(head_->target_view(), head_->method);
    const std::size_t question_mark = target.find('?');
    const bool has_query = question_mark != std::string_view::npos;
    const std::string_view body = body_bytes_ != 0 ? std::string_view(body_.data, body_bytes_)
                                                   : std::string_view(body_view_.data(), body_view_.size());
    return {.head = *head_,
            .path = target.substr(0, question_mark),
            .query = has_query ? target.substr(question_mark + 1) : std::string_view{},
            .body = body,
            .received_ns = received_ns,
            .is_body_lendable = body_bytes_ != 0,
            .listener_role_number = listener_role_number_,
            .slot = slot_};
}

// A pending request that is in no queue yet. Precondition: there is room.
PendingIndex Connection::take_pending(Context& context) {
    const PendingIndex index = context.pendings.take();
    Pending& pending = context.pendings[index];
    pending.connection = slot_;
    pending.is_head_request = head_ != nullptr && head_->method == parsers::Method::head;
    pending.is_http_1_0 = head_ != nullptr && head_->is_http_1_0;
    pending.closes = false;
    pending.response.forget_request();
    pending.received_ns = pending.wait_begin_ns = context.now_ns;
    return index;
}

// Puts it at the end of the queue.
void Connection::enqueue(Context& context, PendingIndex index) {
    (pending_last_ == no_pending ? pending_first_ : context.pendings[pending_last_].next) = index;
    pending_last_ = index;
    ++pending_count_;
}

void Connection::dispatch(Context& context) {
    if (body_use_ == BodyUse::discarded) return end_discarding(context);
    last_activity_ns_ = context.now_ns;  // empty lines between requests are none
    body_use_ = BodyUse::collected;
    head_complete_ns_ = 0;
    const PendingIndex index = take_pending(context);
    enqueue(context, index);
    Pending& pending = context.pendings[index];
    pending.closes = !head_->keeps_alive || has_gone_on_for_too_long(context);
    if (pending.closes) transition(State::finishing);
    // What takes long to read is lent: a long body, and one that becomes longer. In a receive buffer it cannot be: it
    // is moved, if there is memory.
    const bool is_encoded = head_->has(parsers::RequestHeader::content_encoding);
    if (body_view_.size() > limits::decode_window_bytes || (is_encoded && !body_view_.empty()))
        static_cast<void>(reserve_body(context, body_view_.size()));
    const Request request = request_of(context.now_ns);
    const Decision decision = context.application.on_request(request, context.pendings.ref(index), pending.response);
    ++context.counters.formats[pending.response.format()].requests;
    if (decision == Decision::later_with_body) {
        CHECK(request.is_body_lendable);
        body_use_ = BodyUse::lent;
        pending.wait_begin_ns = never_ns;
        return;
    }
    drop_body(context);
    if (decision != Decision::now) return;
    if (pending.response.ends_connection()) end_with(pending);
    decide(context, pending);
}

void Connection::end_with(Pending& pending) {
    pending.closes = true;
    if (state_ == State::open) transition(State::finishing);
}

void Connection::on_ready(Context& context, PendingIndex index) {
    if (index == pending_last_) take_body_back(context);  // only the last request can have lent its body
    flush_ready(context);
}

void Connection::take_body_back(Context& context) {
    if (body_use_ != BodyUse::lent) return;
    context.pendings[pending_last_].wait_begin_ns = context.now_ns;
    body_use_ = BodyUse::collected;
    drop_body(context);
}

// The stream can no longer be trusted: one last answer.
void Connection::refuse(Context& context, Refusal refusal) {
    if (body_use_ == BodyUse::discarded) return transition(State::finishing);  // its answer was given
    if (!context.pendings.has_room()) return abort(context);
    const PendingIndex index = take_pending(context);
    enqueue(context, index);
    Pending& pending = context.pendings[index];
    make_refusal(context, refusal, pending.response);
    pending.closes = true;
    transition(State::finishing);
    drop_body(context);
    decide(context, pending);
}

void Connection::make_refusal(Context& context, Refusal refusal, Response& response) const {
    if (head_ == nullptr) return context.application.on_refused(refusal, slot_, nullptr, response);
    const Request request = request_of(context.now_ns);
    context.application.on_refused(refusal, slot_, &request, response);
}

void Connection::decide(Context& context, Pending& pending) {
    pending.is_ready = true;
    pending.ready_ns = context.now_ns;
    flush_ready(context);
}

void Connection::flush_ready(Context& context) {
    while (pending_first_ != no_pending && context.pendings[pending_first_].is_ready && !holds_answer_back(context))
        answer_first(context);
    if (body_use_ != BodyUse::awaits_continue || pending_count_ != 0) return;
    body_use_ = BodyUse::collected;
    if (!output_.append(context.blocks, ResponseRenderer::continue_response())) abort(context);
}

void Connection::answer_first(Context& context) {
    const PendingIndex index = pending_first_;
    Pending& pending = context.pendings[index];
    context.counters.count(pending.response, context.renderer.status_of(pending.response));
    if (!context.renderer.render(pending, output_, context.blocks)) abort(context);
    if (OutputBlock* block = output_.last; block != nullptr && ++block->responses_count == 1) {
        block->format = pending.response.format();
        block->received_ns = pending.received_ns;
        block->ready_ns = pending.ready_ns;
    }
    pending_first_ = pending.next;
    if (pending_first_ == no_pending) pending_last_ = no_pending;
    CHECK(pending_count_ != 0);
    --pending_count_;
    context.pendings.give_back(index);
}

OutputBlock* Connection::start_sending(const Context& context) {
    if (sending_ != nullptr || output_.empty() || state_ == State::closing) return nullptr;
    sending_ = output_.take_first();
    send_begin_ns_ = context.now_ns;
    return sending_;
}

void Connection::on_block_sent(Context& context) {
    CHECK(sending_ != nullptr);
    last_activity_ns_ = context.now_ns;
    if (sending_->responses_count != 0)
        context.application.on_responses_sent(sending_->responses_count, sending_->format, sending_->received_ns,
                                              sending_->ready_ns);
    context.blocks.give_back(std::exchange(sending_, nullptr));
}

// --- ending ------------------------------------------------------------------------------------------------------

bool Connection::takes_half_close(const Context& context) {
    if (state_ != State::finishing || pending_count_ != 0 || !output_.empty() || sending_ != nullptr) return false;
    transition(State::lingering);
    linger_begin_ns_ = context.now_ns;
    if (has_client_ended_) close_now();  // nobody is there to wait for
    return state_ == State::lingering;
}

void Connection::abort(Context& context) {
    if (state_ == State::closing) return;
    ++context.counters.aborted_connections;
    close_now();
}

void Connection::close_now() {
    if (state_ != State::closing) transition(State::closing);
}

void Connection::give_up(Context& context) {
    if (pending_count_ == 0 && state_ == State::open && parser_.is_in_request())
        return refuse(context, Refusal::draining);
    if (pending_count_ != 0) context.pendings[pending_last_].closes = true;
    if (state_ == State::open) transition(State::finishing);
    time_out_pendings(context, never_ns);
}

// So that a drain does not wait for a client that never stops sending.
bool Connection::has_gone_on_for_too_long(const Context& context) const {
    if (context.phase != Phase::draining) return false;
    const std::uint64_t patience_ns = context.settings.drain_patience_ns;
    return context.now_ns >=
           context.drain_begin_ns + (has_stashed_ ? patience_ns : std::min(patience_ns, drain_grace_ns));
}

// The only answer that is left, of the last request that has arrived as far as this connection knows.
bool Connection::holds_answer_back(const Context& context) const {
    return context.phase != Phase::serving && pending_count_ == 1 && state_ == State::open && is_between_requests();
}

bool Connection::awaits_input_check(const Context& context) const {
    if (state_ != State::open) return false;
    if (pending_count_ != 0) return holds_answer_back(context) && context.pendings[pending_first_].is_ready;
    const bool is_over = context.phase == Phase::draining && request_begin_ns_ != 0;
    return is_idle() && (is_over || context.now_ns >= idle_deadline_ns(context));
}

void Connection::on_input_empty(Context& context) {
    if (!awaits_input_check(context)) return;  // no longer: something has come meanwhile
    if (pending_count_ != 0) context.pendings[pending_first_].closes = true;
    else if (context.phase != Phase::draining) ++context.counters.idle_timeouts;
    transition(State::finishing);
    flush_ready(context);
}

void Connection::release(Context& context) {
    if (body_use_ == BodyUse::lent) context.application.on_body_lost(context.pendings.ref(pending_last_));
    while (pending_first_ != no_pending) {
        const PendingIndex index = pending_first_;
        Pending& pending = context.pendings[index];
        if (pending.is_ready) pending.response.clear(context.blocks);
        pending_first_ = pending.next;
        context.pendings.give_back(index);
    }
    output_.clear(context.blocks);
    if (sending_ != nullptr) context.blocks.give_back(sending_);
    if (head_ != nullptr) context.heads.give_back(head_);
    context.bodies.give_back(stash_);
    drop_body(context);
    context.application.on_connection_gone(slot_);
    *this = Connection{};
}

}  // namespace sluice::http
