#include "sinks/redis/single/redis_sink.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "sinks/redis/link/backoff.hpp"
#include "sinks/redis/link/session.hpp"
#include "sinks/redis/resp/error_class.hpp"
#include "sinks/redis/window/delivery_window.hpp"
#include "sinks/trouble.hpp"

namespace sluice::sinks::redis {
namespace {

// Reads per advance(): enough to empty the socket, few enough that sending goes on beside a flood of replies.
constexpr int receives_count_max = 4;

class RedisSink final : public Sink {
  public:
    RedisSink(const RedisSettings& settings, CompletionPort& port)
        : settings_(settings),
          session_(settings),
          window_(port, figures_),
          connect_backoff_(settings.backoff_min_ns, settings.backoff_max_ns, settings.random_seed),
          retry_backoff_(settings.backoff_min_ns, settings.backoff_max_ns, ~settings.random_seed),
          breaker_(settings.breaker_failures_count),
          trouble_("connecting to " + session_.peer()) {
        if (settings_.replicas_count != 0) window_.set_wait_command(wait_command());
        settings_.password.clear();  // the session has what it needs
    }

    [[nodiscard]] bool has_room() const override { return window_.has_room(); }
    void submit(Batch& batch) override { window_.submit(batch); }
    [[nodiscard]] Interest interest() const override;
    void advance(short revents, std::uint64_t now_ns) override;
    [[nodiscard]] const SinkSignal& signal() const override { return signal_; }
    [[nodiscard]] SinkFigures figures() const override {
        return {.delivery = figures_, .link = &link_, .replication = &replication_};
    }
    [[nodiscard]] std::string trouble() const override { return trouble_.text(); }

  private:
    void connect(std::uint64_t now_ns);
    void go_on_connecting(short revents, std::uint64_t now_ns);
    void became_ready(std::uint64_t now_ns);
    void connection_failed(const std::string& why, std::uint64_t now_ns);
    void retry_connection(const std::string& why, std::uint64_t now_ns);
    void drop_connection(const std::string& why, std::uint64_t now_ns);
    [[nodiscard]] std::uint64_t suspicious_ns() const;
    void look_for_another_primary(std::uint64_t now_ns);
    void reconnect_if_wanted(std::uint64_t now_ns);

    void receive(std::uint64_t now_ns);
    [[nodiscard]] bool take_replies();
    [[nodiscard]] bool take_reply(ReplyStream::Next reply, std::uint64_t now_ns);
    [[nodiscard]] bool take_wait_reply(ReplyStream::Next reply, std::uint64_t now_ns);
    [[nodiscard]] std::string wait_command() const;
    void note_refused_batches();
    void note_error(std::string_view text);
    void note_refusals(std::uint64_t now_ns);
    void send(std::uint64_t now_ns);
    [[nodiscard]] DeliveryWindow::Begin may_begin(std::uint64_t now_ns) const;
    [[nodiscard]] bool retry_is_next() const { return window_.stalled() && !window_.awaits_replies(); }

    void publish_state();
    void publish_breaker();
    [[nodiscard]] bool is_half_open_after(Breaker::Failure failure) const {
        return breaker_.state() == BreakerState::half_open && breaker_.last_failure() == failure;
    }

    RedisSettings settings_;
    Session session_;
    DeliveryWindow window_;
    Backoff connect_backoff_;
    Backoff retry_backoff_;
    Breaker breaker_;

    std::uint64_t connect_at_ns_ = 0;         // session closed: when to try again
    std::uint64_t connect_deadline_ns_ = 0;   // connecting, greeting
    std::uint64_t ready_since_ns_ = 0;
    std::uint64_t progress_ns_ = 0;           // while replies are due: the last one, or the first sending
    std::uint64_t asked_for_another_ns_ = 0;  // whether another server is primary by now
    std::uint64_t retry_at_ns_ = 0;           // stalled: when the front entry is tried again; 0: it is under way
    bool send_blocked_ = false;               // the socket took less than we had
    bool reconnect_wanted_ = false;           // as soon as no reply is due
    std::uint64_t whole_batches_seen_count_ = 0;
    std::uint64_t refused_batches_seen_count_ = 0;
    std::uint64_t breaker_turns_count_ = 0;
    bool is_samples_turn_ = false;            // half open, and new samples alone can show how the server is

    SinkSignal signal_;
    DeliveryFigures figures_;
    LinkFigures link_;
    ReplicationFigures replication_;
    bool is_wait_refused_ = false;            // the last WAIT was answered with an error, over whichever connection
    bool is_refusing_ = false;                // the last reply was an error
    std::string last_error_;                  // text of the last error reply, as it came
    Trouble trouble_;
};

// --- the loop body -----------------------------------------------------------------------------------

Interest RedisSink::interest() const {
    Interest interest{session_.fd(), session_.events(), 0};
    switch (session_.state()) {
        case Session::State::closed: return {-1, 0, connect_at_ns_};
        case Session::State::connecting:
        case Session::State::greeting: interest.deadline_ns = connect_deadline_ns_; return interest;
        case Session::State::ready: break;
    }
    if (send_blocked_) interest.events = POLLIN | POLLOUT;
    if (window_.awaits_replies())
        interest.deadline_ns = std::min(progress_ns_ + settings_.reply_timeout_ns, suspicious_ns());
    if (retry_is_next()) interest.deadline_ns = retry_at_ns_;
    if (const std::uint64_t retry_ns = breaker_.retry_ns(); retry_ns != 0 && !window_.stalled())
        interest.deadline_ns = interest.deadline_ns == 0 ? retry_ns : std::min(interest.deadline_ns, retry_ns);
    return interest;
}

void RedisSink::advance(short revents, std::uint64_t now_ns) {
    switch (session_.state()) {
        case Session::State::closed: connect(now_ns); break;
        case Session::State::connecting:
        case Session::State::greeting: go_on_connecting(revents, now_ns); break;
        case Session::State::ready:
            if ((revents & (POLLIN | POLLERR | POLLHUP)) != 0) receive(now_ns);
            break;
    }
    if (session_.ready() && window_.awaits_replies() && now_ns >= progress_ns_ + settings_.reply_timeout_ns) {
        drop_connection("no reply from " + session_.peer() + " within the reply timeout", now_ns);
    }
    if (session_.ready() && window_.awaits_replies() && now_ns >= suspicious_ns()) look_for_another_primary(now_ns);
    if (session_.ready()) reconnect_if_wanted(now_ns);
    if (session_.ready()) send(now_ns);
    // Nothing is kept that could be tried: new samples have to show whether the server takes any again.
    if (session_.ready() && !window_.stalled() && breaker_.retry_ns() <= now_ns) breaker_.attempt();
    publish_state();
    publish_breaker();
}

// --- connecting ------------------------------------------------------------------------------------

void RedisSink::connect(std::uint64_t now_ns) {
    if (now_ns < connect_at_ns_) return;
    connect_deadline_ns_ = now_ns + settings_.connect_timeout_ns;
    breaker_.attempt();
    if (session_.open() == Session::Step::failed) connection_failed(session_.failure(), now_ns);
}

void RedisSink::go_on_connecting(short revents, std::uint64_t now_ns) {
    if (session_.advance(revents) == Session::Step::failed) return connection_failed(session_.failure(), now_ns);
    if (session_.ready()) return became_ready(now_ns);
    if (now_ns < connect_deadline_ns_) return;
    const bool connected = session_.state() == Session::State::greeting;
    session_.close();
    connection_failed(session_.peer() + (connected ? " accepts connections but does not answer"
                                                   : " does not answer (connect timeout)"),
                      now_ns);
}

void RedisSink::became_ready(std::uint64_t now_ns) {
    add(link_.connects, 1);
    ready_since_ns_ = now_ns;
    send_blocked_ = false;
    reconnect_wanted_ = false;
    if (settings_.replicas_count != 0) window_.set_wait_command(wait_command());
    // What waits to be sent must show whether this server can be trusted; where nothing waits, that it greets is
    // enough.
    if (is_half_open_after(Breaker::Failure::connection) && window_.empty()) breaker_.succeeded();
    if (window_.stalled()) return;
    // Made anew because the last one refused: whether this one does, the next command shows.
    trouble_.set(is_refusing_ ? "Redis refuses: " + printable(last_error_) : std::string());
}

// An attempt to connect came to nothing.
void RedisSink::connection_failed(const std::string& why, std::uint64_t now_ns) {
    breaker_.failed(Breaker::Failure::connection);
    retry_connection(why, now_ns);
}

void RedisSink::retry_connection(const std::string& why, std::uint64_t now_ns) {
    add(link_.connection_failures, 1);
    connect_at_ns_ = now_ns + connect_backoff_.next_ns();
    breaker_.retry_at(connect_at_ns_);
    trouble_.set(why);
}

// A connection that was ready is gone, or is given up.
void RedisSink::drop_connection(const std::string& why, std::uint64_t now_ns) {
    // Servers may end idle connections (Redis' `timeout`): that is no failure unless the next attempt is one, too.
    if (!window_.empty()) breaker_.failed(Breaker::Failure::connection);
    session_.close();
    window_.connection_lost(now_ns);
    is_refusing_ = false;
    forget_refusal(figures_);
    // A server that greets and then hangs up must not be met in a quick loop; one that served us for a while may.
    if (now_ns - ready_since_ns_ >= settings_.backoff_max_ns) connect_backoff_.reset();
    retry_connection(why, now_ns);
}

// A failover is over long before the reply timeout, which a slow command may need.
std::uint64_t RedisSink::suspicious_ns() const {
    if (!settings_.has_moved_from) return std::numeric_limits<std::uint64_t>::max();
    return std::max(progress_ns_, asked_for_another_ns_) + settings_.suspicious_silence_ns;
}

void RedisSink::look_for_another_primary(std::uint64_t now_ns) {
    const bool has_moved = settings_.has_moved_from(session_.server());
    asked_for_another_ns_ = monotonic_ns();  // it may have taken a while
    if (has_moved) drop_connection(session_.peer() + " is silent, and another server is primary by now", now_ns);
}

void RedisSink::reconnect_if_wanted(std::uint64_t now_ns) {
    if (!reconnect_wanted_ || window_.awaits_replies()) return;
    session_.close();
    connect_at_ns_ = std::max(retry_at_ns_, breaker_.retry_ns());
    if (connect_at_ns_ == 0) connect_at_ns_ = now_ns + retry_backoff_.next_ns();
    trouble_.set("Redis at " + session_.peer() + " refuses commands, connecting again: " + printable(last_error_));
}

// --- replies ---------------------------------------------------------------------------------------

void RedisSink::receive(std::uint64_t now_ns) {
    for (int i = 0; i < receives_count_max; ++i) {
        std::span<const char> bytes;
        if (session_.receive(bytes) == Session::Step::failed) {
            drop_connection(session_.failure(), now_ns);
            break;
        }
        session_.replies().give(bytes);
        if (!take_replies() || bytes.size() < limits::redis_receive_bytes) break;
    }
    note_refusals(now_ns);
}

// False if the connection had to be dropped.
bool RedisSink::take_replies() {
    const std::uint64_t now_ns = monotonic_ns();  // batches are settled with the time their reply was read
    for (bool any = false;; any = true) {  // ends: each turn takes a reply out of what was received
        const ReplyStream::Next reply = session_.replies().next(window_.wait_is_due());
        if (reply == ReplyStream::Next::need_more) {
            if (any) connect_backoff_.reset();
            return true;
        }
        if (!take_reply(reply, now_ns)) return false;
        progress_ns_ = now_ns;
    }
}

bool RedisSink::take_reply(ReplyStream::Next reply, std::uint64_t now_ns) {
    if (reply == ReplyStream::Next::broken) {
        drop_connection(
            "protocol error from " + session_.peer() + ": " + printable(session_.replies().broken_because()), now_ns);
        return false;
    }
    bool was_due = false;
    if (window_.wait_is_due()) {
        was_due = take_wait_reply(reply, now_ns);
    } else if (reply == ReplyStream::Next::ok) {
        was_due = window_.reply_ok(now_ns);
        is_refusing_ = false;
        if (was_due) breaker_.succeeded();
    } else {
        const std::string_view text = session_.replies().error_text();
        const CommandOutcome outcome = outcome_of_error(text);
        note_error(text);
        note_refusal(figures_, outcome, now_ns);
        is_refusing_ = true;
        was_due = window_.reply_error(outcome, now_ns);
        note_refused_batches();
    }
    if (!was_due) drop_connection(session_.peer() + " answers what it was not asked", now_ns);
    return was_due;
}

// WAIT answers with the number of replicas, WAITAOF with those of local and of remote disks. An error (the user may not
// WAIT, this is a replica by now) is of no account for the commands before it.
bool RedisSink::take_wait_reply(ReplyStream::Next reply, std::uint64_t now_ns) {
    is_wait_refused_ = reply == ReplyStream::Next::error;
    replication_.is_wait_refused.store(is_wait_refused_, std::memory_order_relaxed);
    if (is_wait_refused_) note_error(session_.replies().error_text());
    const std::span<const long long> counts = session_.replies().integers();
    const bool has_local = !session_.takes_wait_aof() || (counts.size() == 2 && counts[0] >= 1);
    const bool has_replicas = !counts.empty() && counts.back() >= static_cast<long long>(settings_.replicas_count);
    const bool was_due = window_.reply_wait(!is_wait_refused_ && has_local && has_replicas, now_ns);
    note_refused_batches();
    return was_due;
}

// A batch of which every command was refused ends with its last reply, which may be that of a WAIT.
void RedisSink::note_refused_batches() {
    if (window_.refused_batches_count() != std::exchange(refused_batches_seen_count_, window_.refused_batches_count()))
        breaker_.failed(Breaker::Failure::refusal);
}

std::string RedisSink::wait_command() const {
    const std::string replicas = std::to_string(settings_.replicas_count);
    const std::string timeout_ms = std::to_string(settings_.replicas_timeout_ns / 1'000'000);
    std::string words;
    const auto add_word = [&words](const std::string& word) {
        words += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    };
    const bool is_aof = session_.ready() && session_.takes_wait_aof();
    add_word(is_aof ? "WAITAOF" : "WAIT");
    if (is_aof) add_word("1");  // on the primary's own disk
    add_word(replicas);
    add_word(timeout_ms);
    return (is_aof ? "*4\r\n" : "*3\r\n") + words;
}

// Under pressure every command is refused with the same text: it is shown only when it changes.
void RedisSink::note_error(std::string_view text) {
    reconnect_wanted_ |= error_wants_reconnect(text);
    if (trouble_.is_set() && text == last_error_) return;
    last_error_ = text;
    trouble_.set("Redis refuses: " + printable(text));
}

// Sets the time of the next try for what was kept, and takes note of what went well.
void RedisSink::note_refusals(std::uint64_t now_ns) {
    if (!is_refusing_) forget_refusal(figures_);
    const CommandOutcome reason = window_.take_kept_reason();
    if (reason != CommandOutcome::delivered && retry_at_ns_ == 0) {
        const bool refused = reason == CommandOutcome::refused;
        retry_at_ns_ = now_ns + (refused ? retry_backoff_.longest_ns() : retry_backoff_.next_ns());
    }
    if (breaker_.wants_retry_time())
        breaker_.retry_at(retry_at_ns_ != 0 ? retry_at_ns_ : now_ns + retry_backoff_.next_ns());
    const bool any_whole = window_.whole_batches_count() != whole_batches_seen_count_;
    whole_batches_seen_count_ = window_.whole_batches_count();
    if (window_.stalled() || reason != CommandOutcome::delivered) return;
    retry_at_ns_ = 0;
    if (!any_whole) return;
    retry_backoff_.reset();
    if (trouble_.is_set() && session_.ready() && !is_wait_refused_) trouble_.set({});
}

// --- sending ---------------------------------------------------------------------------------------

DeliveryWindow::Begin RedisSink::may_begin(std::uint64_t now_ns) const {
    if (reconnect_wanted_) return DeliveryWindow::Begin::none;
    if (!window_.stalled()) {
        // A server that was lost gets one batch to prove itself with. One that refuses gets all that was sent on before
        // the breaker opened: who waits for it is then told so.
        if (!is_half_open_after(Breaker::Failure::connection)) return DeliveryWindow::Begin::all;
        return window_.awaits_replies() ? DeliveryWindow::Begin::none : DeliveryWindow::Begin::front_only;
    }
    return retry_is_next() && now_ns >= retry_at_ns_ ? DeliveryWindow::Begin::front_only : DeliveryWindow::Begin::none;
}

void RedisSink::send(std::uint64_t now_ns) {
    std::array<iovec, DeliveryWindow::pieces_count_max> pieces;
    const std::size_t count = window_.gather(pieces, may_begin(now_ns));
    if (count == 0) {
        send_blocked_ = false;
        return;
    }
    std::size_t wanted_bytes = 0;
    for (const iovec& piece : std::span(pieces).first(count)) wanted_bytes += piece.iov_len;

    std::size_t sent_bytes = 0;
    if (session_.send(std::span(pieces).first(count), sent_bytes) == Session::Step::failed) {
        return drop_connection(session_.failure(), now_ns);
    }
    send_blocked_ = sent_bytes < wanted_bytes;
    if (sent_bytes == 0) return;
    if (!window_.awaits_replies()) progress_ns_ = now_ns;
    if (window_.stalled()) {
        retry_at_ns_ = 0;
        breaker_.attempt();
    }
    window_.sent(sent_bytes);
    add(figures_.bytes_sent, sent_bytes);
}

// --- what others see -------------------------------------------------------------------------------

void RedisSink::publish_state() {
    SinkState state = SinkState::connecting;
    if (session_.ready()) state = window_.stalled() ? SinkState::stalled : SinkState::ready;
    publish(figures_.state, state);
    publish(replication_.waits, window_.waits_count());
    publish(replication_.waits_short, window_.waits_short_count());
}

void RedisSink::publish_breaker() {
    const bool is_samples_turn =
        session_.ready() && !window_.stalled() && is_half_open_after(Breaker::Failure::refusal);
    if (is_samples_turn && !std::exchange(is_samples_turn_, true)) ++breaker_turns_count_;
    is_samples_turn_ = is_samples_turn;
    const std::uint64_t turn = is_samples_turn ? breaker_turns_count_ : 0;
    publish(signal_.breaker_turn, turn);
    sinks::publish_breaker(signal_, figures_, breaker_);
}

}  // namespace
}  // namespace sluice::sinks::redis

namespace sluice::sinks {

std::unique_ptr<Sink> make_redis_sink(const RedisSettings& settings, CompletionPort& port) {
    return std::make_unique<redis::RedisSink>(settings, port);
}

}  // namespace sluice::sinks
