#include "sinks/redis/single/redis_sink.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "engine/core/check.hpp"
#include "sinks/last_error.hpp"
#include "sinks/redis/link/link.hpp"
#include "sinks/redis/link/retry_policy.hpp"
#include "sinks/redis/resp/command.hpp"
#include "sinks/redis/resp/error_class.hpp"
#include "sinks/redis/window/delivery_window.hpp"

namespace sluice::sinks::redis {
namespace {

DeliveryWindow::Begin begin_of(RetryPolicy::Allowed allowed) {
    switch (allowed) {
        case RetryPolicy::Allowed::nothing_new: return DeliveryWindow::Begin::none;
        case RetryPolicy::Allowed::front: return DeliveryWindow::Begin::front_only;
        case RetryPolicy::Allowed::all: return DeliveryWindow::Begin::all;
    }
    return DeliveryWindow::Begin::none;
}

class RedisSink final : public Sink {
  public:
    RedisSink(const RedisSettings& settings, CompletionPort& port)
        : settings_(settings),
          link_(settings, link_figures_),
          window_(port, figures_),
          policy_(settings),
          last_error_("connecting to " + link_.peer()) {
        if (settings_.replicas_count != 0) window_.set_wait_command(wait_command());
        settings_.password.clear();  // the link has what it needs
    }

    [[nodiscard]] bool has_room() const override { return window_.has_room(); }
    void submit(Batch& batch) override { window_.submit(batch); }
    [[nodiscard]] Interest interest() const override;
    void advance(short revents, std::uint64_t now_ns) override;
    [[nodiscard]] const SinkSignal& signal() const override { return signal_; }
    [[nodiscard]] SinkFigures figures() const override {
        return {.delivery = figures_, .link = &link_figures_, .replication = &replication_};
    }
    [[nodiscard]] std::string last_error() const override { return last_error_.text(); }

  private:
    void connected(std::uint64_t now_ns);
    void connection_lost(std::uint64_t now_ns);
    void reconnect_if_wanted(std::uint64_t now_ns);

    void receive(std::uint64_t now_ns);
    [[nodiscard]] bool take_reply(ReplyStream::Next reply, std::uint64_t now_ns);
    [[nodiscard]] bool take_wait_reply(ReplyStream::Next reply, std::uint64_t now_ns);
    [[nodiscard]] std::string wait_command() const;
    void record_refused_batches();
    void record_error(std::string_view text);
    void schedule_retry(std::uint64_t now_ns);
    void send(std::uint64_t now_ns);
    [[nodiscard]] RetryPolicy::Window window_view() const {
        return {.is_empty = window_.empty(),
                .is_stalled = window_.is_stalled(),
                .awaits_replies = window_.awaits_replies()};
    }
    void publish_all();

    RedisSettings settings_;
    LinkFigures link_figures_;
    Link link_;
    DeliveryFigures figures_;
    DeliveryWindow window_;
    RetryPolicy policy_;

    bool reconnect_wanted_ = false;           // as soon as no reply is due
    std::uint64_t whole_batches_seen_count_ = 0;
    std::uint64_t refused_batches_seen_count_ = 0;

    SinkSignal signal_;
    ReplicationFigures replication_;
    bool is_wait_refused_ = false;            // the last WAIT was answered with an error, over whichever connection
    bool is_refusing_ = false;                // the last reply was an error
    std::string refusal_text_;                  // text of the last error reply, as it came
    LastError last_error_;
};

// --- the loop body -----------------------------------------------------------------------------------

Interest RedisSink::interest() const {
    Interest interest{link_.fd(), link_.events(), link_.deadline_ns(window_.awaits_replies())};
    if (link_.is_ready()) interest.deadline_ns = policy_.deadline_ns(window_view(), interest.deadline_ns);
    return interest;
}

void RedisSink::advance(short revents, std::uint64_t now_ns) {
    switch (link_.advance(revents, now_ns)) {
        case Link::Event::none: break;
        case Link::Event::attempt: policy_.attempt(); break;
        case Link::Event::ready: connected(now_ns); break;
        case Link::Event::failed:
            policy_.attempt_failed(link_.next_attempt_ns());
            last_error_.set(link_.failure());
            break;
        case Link::Event::readable: receive(now_ns); break;
    }
    if (link_.is_ready() && link_.drop_if_late(window_.awaits_replies(), now_ns)) connection_lost(now_ns);
    if (link_.is_ready()) reconnect_if_wanted(now_ns);
    if (link_.is_ready()) send(now_ns);
    if (link_.is_ready()) policy_.step_ended(window_view(), now_ns);
    publish_all();
}

// --- connecting ------------------------------------------------------------------------------------

void RedisSink::connected(std::uint64_t now_ns) {
    link_.established(now_ns);
    reconnect_wanted_ = false;
    if (settings_.replicas_count != 0) window_.set_wait_command(wait_command());
    policy_.connected(window_view());
    if (window_.is_stalled()) return;
    // Made anew because the last one refused: whether this one does, the next command shows.
    last_error_.set(is_refusing_ ? link_.refusal(refusal_text_) : std::string());
}

// A connection that was ready is gone, or was given up.
void RedisSink::connection_lost(std::uint64_t now_ns) {
    CHECK(!link_.is_ready());
    policy_.connection_lost(window_view(), link_.next_attempt_ns());
    window_.connection_lost(now_ns);
    is_refusing_ = false;
    forget_refusal(figures_);
    last_error_.set(link_.failure());
}

void RedisSink::reconnect_if_wanted(std::uint64_t now_ns) {
    if (!reconnect_wanted_ || window_.awaits_replies()) return;
    link_.reconnect(policy_.reconnect_ns(now_ns));
    last_error_.set(link_.refusal(refusal_text_));
}

// --- replies ---------------------------------------------------------------------------------------

void RedisSink::receive(std::uint64_t now_ns) {
    const auto take = [this, now_ns](ReplyStream::Next reply) { return take_reply(reply, now_ns); };
    if (!link_.receive(now_ns, take, [this] { return window_.wait_is_due(); })) connection_lost(now_ns);
    schedule_retry(now_ns);
}

// False: none was due.
bool RedisSink::take_reply(ReplyStream::Next reply, std::uint64_t now_ns) {
    CHECK(link_.is_ready() && link_.is_established());
    if (window_.wait_is_due()) return take_wait_reply(reply, now_ns);
    if (reply == ReplyStream::Next::ok) {
        const bool was_due = window_.reply_ok(now_ns);
        is_refusing_ = false;
        if (was_due) policy_.command_stored();
        return was_due;
    }
    const std::string_view text = link_.replies().error_text();
    const CommandOutcome outcome = outcome_of_error(text);
    record_error(text);
    record_refusal(figures_, outcome, now_ns);
    is_refusing_ = true;
    const bool was_due = window_.reply_error(outcome, now_ns);
    record_refused_batches();
    return was_due;
}

// WAIT answers with the number of replicas, WAITAOF with those of local and of remote disks. An error (the user may not
// WAIT, this is a replica by now) says nothing of the commands before it.
bool RedisSink::take_wait_reply(ReplyStream::Next reply, std::uint64_t now_ns) {
    is_wait_refused_ = reply == ReplyStream::Next::error;
    replication_.is_wait_refused.store(is_wait_refused_, std::memory_order_relaxed);
    if (is_wait_refused_) record_error(link_.replies().error_text());
    const std::span<const long long> counts = link_.replies().integers();
    const bool has_local = !link_.takes_wait_aof() || (counts.size() == 2 && counts[0] >= 1);
    const bool has_replicas = !counts.empty() && counts.back() >= static_cast<long long>(settings_.replicas_count);
    const bool was_due = window_.reply_wait(!is_wait_refused_ && has_local && has_replicas, now_ns);
    record_refused_batches();
    return was_due;
}

// A batch of which every command was refused ends with its last reply, which may be that of a WAIT.
void RedisSink::record_refused_batches() {
    if (window_.refused_batches_count() != std::exchange(refused_batches_seen_count_, window_.refused_batches_count()))
        policy_.batch_refused();
}

std::string RedisSink::wait_command() const {
    const std::string replicas = std::to_string(settings_.replicas_count);
    const std::string timeout_ms = std::to_string(settings_.replicas_timeout_ns / 1'000'000);
    if (!link_.is_ready() || !link_.takes_wait_aof()) return command_of({"WAIT", replicas, timeout_ms});
    return command_of({"WAITAOF", "1", replicas, timeout_ms});  // 1: on the primary's own disk
}

// Under pressure every command is refused with the same text: it is shown only when it changes.
void RedisSink::record_error(std::string_view text) {
    reconnect_wanted_ |= error_wants_reconnect(text);
    if (last_error_.is_set() && text == refusal_text_) return;
    refusal_text_ = text;
    last_error_.set(link_.refusal(text));
}

// Sets the time of the next try for what was kept, and takes note of what went well.
void RedisSink::schedule_retry(std::uint64_t now_ns) {
    if (!is_refusing_) forget_refusal(figures_);
    const CommandOutcome kept = window_.take_kept_reason();
    const bool has_stored =
        window_.whole_batches_count() != std::exchange(whole_batches_seen_count_, window_.whole_batches_count());
    const bool is_well = policy_.replies_read(window_view(), kept, has_stored, now_ns);
    if (is_well && last_error_.is_set() && link_.is_ready() && !is_wait_refused_) last_error_.set({});
}

// --- sending ---------------------------------------------------------------------------------------

void RedisSink::send(std::uint64_t now_ns) {
    CHECK(link_.is_ready() && link_.is_established());
    const RetryPolicy::Window before = window_view();
    const DeliveryWindow::Begin begin =
        reconnect_wanted_ ? DeliveryWindow::Begin::none : begin_of(policy_.may_begin(before, now_ns));
    std::array<iovec, DeliveryWindow::pieces_count_max> pieces;
    const std::size_t count = window_.gather(pieces, begin);
    std::size_t sent_bytes = 0;
    if (!link_.send(std::span(pieces).first(count), sent_bytes, now_ns)) return connection_lost(now_ns);
    if (sent_bytes == 0) return;
    if (!before.awaits_replies) link_.await_replies(now_ns);
    policy_.sent(before);
    window_.sent(sent_bytes);
    add(figures_.bytes_sent, sent_bytes);
}

// --- what others see -------------------------------------------------------------------------------

void RedisSink::publish_all() {
    SinkState state = SinkState::connecting;
    if (link_.is_ready()) state = window_.is_stalled() ? SinkState::stalled : SinkState::ready;
    publish(figures_.state, state);
    publish(replication_.waits, window_.waits_count());
    publish(replication_.waits_short, window_.waits_short_count());
    publish(signal_.breaker_turn, policy_.turn(state == SinkState::ready));
    publish_breaker(signal_, figures_, policy_.breaker());
}

}  // namespace
}  // namespace sluice::sinks::redis

namespace sluice::sinks {

std::unique_ptr<Sink> make_redis_sink(const RedisSettings& settings, CompletionPort& port) {
    return std::make_unique<redis::RedisSink>(settings, port);
}

}  // namespace sluice::sinks
