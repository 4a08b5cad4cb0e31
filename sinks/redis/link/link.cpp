#include "sinks/redis/link/link.hpp"

#include <poll.h>

#include <algorithm>
#include <limits>

#include "engine/core/check.hpp"
#include "sinks/redis/resp/command.hpp"

namespace sluice::sinks::redis {

Link::Link(const RedisSettings& settings, LinkFigures& figures)
    : reply_timeout_ns_(settings.reply_timeout_ns),
      backoff_max_ns_(settings.backoff_max_ns),
      suspicious_silence_ns_(settings.suspicious_silence_ns),
      replicas_count_(settings.replicas_count),
      replicas_timeout_ns_(settings.replicas_timeout_ns),
      has_moved_from_(settings.has_moved_from),
      figures_(figures),
      session_(settings),
      timer_(settings.connect_timeout_ns),
      backoff_(settings.backoff_min_ns, settings.backoff_max_ns, settings.random_seed) {}

// --- connecting ----------------------------------------------------------------------------------------------------

Link::Event Link::advance(short revents, std::uint64_t now_ns) {
    switch (session_.state()) {
        case Session::State::closed: return connect(now_ns);
        case Session::State::connecting:
        case Session::State::securing:
        case Session::State::greeting: return go_on_connecting(revents, now_ns);
        case Session::State::ready: break;
    }
    return (revents & (POLLIN | POLLERR | POLLHUP)) != 0 ? Event::readable : Event::none;
}

Link::Event Link::connect(std::uint64_t now_ns) {
    CHECK(!is_established_);
    if (now_ns < connect_at_ns_) return Event::none;
    timer_.begin(now_ns);
    replies().accept_arrays(nullptr);
    if (session_.open() == Session::Step::failed) return attempt_failed(session_.failure(), now_ns);
    return Event::attempt;
}

Link::Event Link::go_on_connecting(short revents, std::uint64_t now_ns) {
    const bool has_failed = session_.advance(revents) == Session::Step::failed ||
                            (!session_.is_ready() && timer_.watch(session_, now_ns) == Session::Step::failed);
    if (has_failed) return attempt_failed(session_.failure(), now_ns);
    if (!session_.is_ready()) return Event::none;
    is_send_blocked_ = false;
    return Event::ready;
}

Link::Event Link::attempt_failed(std::string why, std::uint64_t now_ns) {
    record_failure(std::move(why), now_ns);
    return Event::failed;
}

void Link::established(std::uint64_t now_ns) {
    CHECK(is_ready() && !is_established_);
    is_established_ = true;
    established_ns_ = now_ns;
    add(figures_.connects, 1);
}

// --- losing it -----------------------------------------------------------------------------------------------------

void Link::drop(std::string why, std::uint64_t now_ns) {
    // A server that greets and then hangs up must not be met in a quick loop; one that served for a while may.
    if (is_established_ && now_ns - established_ns_ >= backoff_max_ns_) backoff_.reset();
    close();
    record_failure(std::move(why), now_ns);
}

void Link::close() {
    session_.close();
    is_established_ = false;
}

void Link::reconnect(std::uint64_t at_ns) {
    CHECK(is_established_ && at_ns != 0);
    session_.set_address_back();
    close();
    connect_at_ns_ = at_ns;
}

void Link::record_failure(std::string why, std::uint64_t now_ns) {
    CHECK(session_.state() == Session::State::closed);
    add(figures_.connection_failures, 1);
    connect_at_ns_ = now_ns + backoff_.next_ns();
    failure_ = std::move(why);
}

bool Link::drop_if_late(bool is_reply_due, std::uint64_t now_ns) {
    CHECK(is_ready());
    if (std::exchange(has_just_asked_, false)) asked_for_another_ns_ = now_ns;
    const bool is_late =
        is_established_ ? is_reply_due && now_ns >= progress_ns_ + reply_timeout_ns_ : now_ns >= timer_.end_ns();
    if (is_late) {
        const char* const which = is_established_ ? "reply" : "connect";
        drop("no reply from " + peer() + " within the " + which + " timeout", now_ns);
        return true;
    }
    return is_established_ && is_reply_due && now_ns >= suspicious_ns() && drop_if_replaced(now_ns);
}

// A failover is over long before the reply timeout, which a slow command may need.
std::uint64_t Link::suspicious_ns() const {
    if (!has_moved_from_) return std::numeric_limits<std::uint64_t>::max();
    return std::max(progress_ns_, asked_for_another_ns_) + suspicious_silence_ns_;
}

bool Link::drop_if_replaced(std::uint64_t now_ns) {
    const bool has_moved = has_moved_from_(session_.server());
    asked_for_another_ns_ = now_ns;
    has_just_asked_ = true;  // the answer took a while: the next call knows until when
    if (has_moved) drop_as_replaced(now_ns);
    return has_moved;
}

void Link::drop_as_replaced(std::uint64_t now_ns) {
    drop(peer() + " is silent, and another server is primary by now", now_ns);
}

// --- replicas ------------------------------------------------------------------------------------------------------

std::string Link::wait_command() const {
    const std::string replicas = std::to_string(replicas_count_);
    const std::string timeout_ms = std::to_string(replicas_timeout_ns_ / 1'000'000);
    if (!is_ready() || !session_.takes_wait_aof()) return command_of({"WAIT", replicas, timeout_ms});
    return command_of({"WAITAOF", "1", replicas, timeout_ms});  // 1: on the primary's own disk
}

// WAIT answers with the number of replicas, WAITAOF with those of local and of remote disks.
bool Link::confirms_replicas(ReplyStream::Next reply) {
    if (reply != ReplyStream::Next::ok) return false;
    const std::span<const long long> counts = replies().integers();
    const bool has_local = !session_.takes_wait_aof() || (counts.size() == 2 && counts[0] >= 1);
    return has_local && !counts.empty() && counts.back() >= static_cast<long long>(replicas_count_);
}

// --- waiting -------------------------------------------------------------------------------------------------------

short Link::events() const {
    if (!is_ready()) return session_.events();
    return static_cast<short>(is_send_blocked_ ? POLLIN | POLLOUT : POLLIN);
}

std::uint64_t Link::deadline_ns(bool is_reply_due) const {
    if (session_.state() == Session::State::closed) return connect_at_ns_;
    if (!is_established_) return is_ready() ? timer_.end_ns() : timer_.deadline_ns(session_);
    return is_reply_due ? std::min(progress_ns_ + reply_timeout_ns_, suspicious_ns()) : 0;
}

// --- bytes ---------------------------------------------------------------------------------------------------------

bool Link::send(std::span<iovec> pieces, std::size_t& sent_bytes, std::uint64_t now_ns) {
    CHECK(is_ready());
    sent_bytes = 0;
    is_send_blocked_ = false;
    if (pieces.empty() && !session_.has_unsent()) return true;
    std::size_t wanted_bytes = 0;
    for (const iovec& piece : pieces) wanted_bytes += piece.iov_len;
    if (session_.send(pieces, sent_bytes) == Session::Step::failed) {
        drop(session_.failure(), now_ns);
        return false;
    }
    is_send_blocked_ = sent_bytes < wanted_bytes || session_.has_unsent();
    return true;
}

bool Link::read(std::span<const char>& bytes, std::uint64_t now_ns) {
    CHECK(is_ready());
    if (session_.receive(bytes) == Session::Step::failed) {
        drop(session_.failure(), now_ns);
        return false;
    }
    replies().give(bytes);
    return true;
}

// `reply` could not be read, or was not taken.
bool Link::lose(ReplyStream::Next reply, std::uint64_t now_ns) {
    if (!is_ready()) return false;  // whoever took it has closed the link
    session_.set_address_back();
    if (reply == ReplyStream::Next::broken)
        drop("protocol error from " + peer() + ": " + printable(replies().broken_because()), now_ns);
    else if (unusable_because_.empty()) drop(peer() + " answers what it was not asked", now_ns);
    else drop(std::exchange(unusable_because_, {}), now_ns);
    return false;
}

}  // namespace sluice::sinks::redis
