// Connection and time: when what is waited for is overdue, and what happens then.
#include <algorithm>

#include "engine/http/connection.hpp"

namespace sluice::http {
namespace {

// How often a connection whose bytes the kernel does not take is looked at. A client that reads nothing is cut off by a
// part of http.write_timeout too late at most, and one that reads is never cut off too early.
constexpr std::uint64_t looks_per_write_timeout = 4;

}  // namespace

std::uint64_t Connection::deadline_ns(const Context& context) const {
    const HttpSettings& settings = context.settings;
    if (state_ == State::lingering) return linger_begin_ns_ + linger_ns;
    if (sending_ != nullptr) return send_begin_ns_ + settings.write_timeout_ns / looks_per_write_timeout;
    if (pending_count_ != 0) return context.pendings[pending_first_].wait_begin_ns + settings.answer_timeout_ns;
    if (state_ != State::open || !parser_.is_in_request()) return idle_deadline_ns(context);
    const std::uint64_t deadline = request_deadline_ns(context);
    return context.phase == Phase::draining ? std::min(deadline, context.drain_begin_ns + settings.drain_patience_ns)
                                            : deadline;
}

// Between requests.
std::uint64_t Connection::idle_deadline_ns(const Context& context) const {
    std::uint64_t idle_ns = context.settings.idle_timeout_ns;
    if (context.phase == Phase::draining && request_begin_ns_ == 0) idle_ns = std::min(idle_ns, drain_grace_ns);
    return last_activity_ns_ + idle_ns;
}

// Of the request that is being read.
std::uint64_t Connection::request_deadline_ns(const Context& context) const {
    return parser_.is_in_body() ? head_complete_ns_ + context.settings.body_timeout_ns
                                : request_begin_ns_ + context.settings.header_timeout_ns;
}

// A block waits behind what the kernel holds of earlier ones, for as long as the client needs to read those. So what
// counts is whether the client reads.
void Connection::on_unread_bytes(const Context& context, std::optional<std::uint64_t> bytes) {
    const bool is_first = send_begin_ns_ != look_ns_;  // of this block
    if (is_first) read_ns_ = send_begin_ns_;
    // What came before a first look is not known: to the client's favour.
    if (bytes && (is_first || *bytes != unread_bytes_)) read_ns_ = context.now_ns;
    unread_bytes_ = bytes.value_or(0);
    send_begin_ns_ = look_ns_ = context.now_ns;
}

void Connection::on_deadline(Context& context) {
    const bool is_lingering = state_ == State::lingering;  // it waits for the client's end alone
    if (sending_ != nullptr && !is_lingering) {
        if (context.now_ns < read_ns_ + context.settings.write_timeout_ns) return;
        ++context.counters.write_timeouts;
        close_now();
    } else if (pending_count_ != 0 && !is_lingering) {
        time_out_pendings(context, context.now_ns - context.settings.answer_timeout_ns);
    } else if (state_ == State::open && parser_.is_in_request()) {
        const bool is_late = context.now_ns >= request_deadline_ns(context);  // else a drain does not wait for it
        if (!is_late) refuse(context, Refusal::draining);
        else refuse(context, parser_.is_in_body() ? Refusal::body_timeout : Refusal::header_timeout);
    } else if (state_ != State::open) {
        close_now();
    }
}

// All requests that have waited since then or longer, in one go: they are in the order of their arrival. Only the last
// can have lent its body.
void Connection::time_out_pendings(Context& context, std::uint64_t wait_begin_ns_max) {
    for (PendingIndex index = pending_first_; index != no_pending; index = context.pendings[index].next) {
        Pending& pending = context.pendings[index];
        if (pending.wait_begin_ns > wait_begin_ns_max) break;
        if (pending.is_ready) continue;
        context.application.on_overdue(context.pendings.ref(index), pending.response);
        ++pending.generation;  // what is decided later finds nobody
        if (index == pending_last_) take_body_back(context);
        pending.is_ready = true;
        pending.ready_ns = context.now_ns;
    }
    flush_ready(context);
}

}  // namespace sluice::http
