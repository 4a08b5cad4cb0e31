#include "sinks/redis/exactly_once/exactly_once_sink.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "engine/core/check.hpp"
#include "sinks/last_error.hpp"
#include "sinks/redis/exactly_once/handshake.hpp"
#include "sinks/redis/link/link.hpp"
#include "sinks/redis/link/retry_policy.hpp"
#include "sinks/redis/resp/error_class.hpp"
#include "sinks/redis/window/transaction_window.hpp"

namespace sluice::sinks::redis {
namespace {

class ExactlyOnceSink final : public Sink {
  public:
    ExactlyOnceSink(const RedisSettings& settings, const OwnedStreams& streams, CompletionPort& port)
        : owner_(streams.owner),
          link_(settings, link_figures_),
          handshake_(streams.index_key, streams.keys),
          window_(port, figures_, exactly_once_, streams.owner.known_last),
          policy_(settings),
          last_error_("connecting to " + link_.peer()) {
        if (!owner_.conflict.empty()) stop_for_good(owner_.conflict);
    }

    [[nodiscard]] bool has_room() const override { return window_.has_room(); }
    void submit(Batch& batch) override { window_.submit(batch); }
    [[nodiscard]] Interest interest() const override;
    void advance(short revents, std::uint64_t now_ns) override;
    [[nodiscard]] const SinkSignal& signal() const override { return signal_; }
    [[nodiscard]] SinkFigures figures() const override {
        return {.delivery = figures_, .link = &link_figures_, .exactly_once = &exactly_once_};
    }
    [[nodiscard]] std::string last_error() const override { return last_error_.text(); }
    [[nodiscard]] std::string connected_to() const override {
        return link_.is_established() ? link_.peer() : std::string();
    }

  private:
    // What the connection is used for, while the session is ready.
    enum class Stage : std::uint8_t { handshaking, delivering };

    void begin_handshake();
    void attempt_failed();
    void connection_lost();
    void stop_for_good(const std::string& conflict);

    void receive(std::uint64_t now_ns);
    [[nodiscard]] bool take_reply(bool is_error, std::uint64_t now_ns);
    [[nodiscard]] bool take_handshake_reply(bool is_error, std::string_view error, std::uint64_t now_ns);
    [[nodiscard]] bool take_delivery_reply(bool is_error, std::string_view error, std::uint64_t now_ns);
    [[nodiscard]] bool refused(std::uint64_t now_ns);

    void send(std::uint64_t now_ns);
    void send_handshake(std::uint64_t now_ns);
    void send_transaction(std::uint64_t now_ns);

    [[nodiscard]] RetryPolicy::Window window_view() const {
        return {.is_empty = window_.empty(), .is_stalled = is_refused_, .awaits_replies = window_.awaits_replies()};
    }
    void publish_state();

    const StreamOwner owner_;
    SinkSignal signal_;
    DeliveryFigures figures_;
    LinkFigures link_figures_;
    ExactlyOnceFigures exactly_once_;
    Link link_;
    Handshake handshake_;
    TransactionWindow window_;
    RetryPolicy policy_;

    Stage stage_ = Stage::handshaking;
    std::size_t handshake_sent_bytes_ = 0;
    bool is_stopped_ = false;                 // a conflict
    bool is_refused_ = false;                 // the last transaction was; until one goes through
    LastError last_error_;
};

// --- the loop body -------------------------------------------------------------------------------------------------

Interest ExactlyOnceSink::interest() const {
    if (is_stopped_) return {};
    Interest interest{link_.fd(), link_.events(), link_.deadline_ns(window_.awaits_replies())};
    if (link_.is_established() && !window_.awaits_replies()) interest.deadline_ns = policy_.kept_retry_ns();
    return interest;
}

void ExactlyOnceSink::advance(short revents, std::uint64_t now_ns) {
    if (is_stopped_) return;
    switch (link_.advance(revents, now_ns)) {
        case Link::Event::none: break;
        case Link::Event::attempt: policy_.attempt(); break;
        case Link::Event::ready: begin_handshake(); break;
        case Link::Event::failed: attempt_failed(); break;
        case Link::Event::readable: receive(now_ns); break;
    }
    if (link_.is_ready() && link_.drop_if_late(window_.awaits_replies(), now_ns)) connection_lost();
    if (link_.is_ready()) send(now_ns);
    publish_state();
}

// --- connecting ----------------------------------------------------------------------------------------------------

void ExactlyOnceSink::begin_handshake() {
    stage_ = Stage::handshaking;
    handshake_.begin();
    link_.replies().accept_arrays(&handshake_);
    handshake_sent_bytes_ = 0;
}

void ExactlyOnceSink::attempt_failed() {
    policy_.attempt_failed(link_.next_attempt_ns());
    last_error_.set(link_.failure());
}

// A connection that was ready is gone, or was given up.
void ExactlyOnceSink::connection_lost() {
    CHECK(!link_.is_ready());
    if (stage_ == Stage::handshaking) return attempt_failed();
    policy_.connection_lost(window_view(), link_.next_attempt_ns());
    window_.connection_lost();
    forget_refusal(figures_);
    last_error_.set(link_.failure());
}

void ExactlyOnceSink::stop_for_good(const std::string& conflict) {
    is_stopped_ = true;
    link_.close();
    if (conflict != owner_.conflict && owner_.on_conflict) owner_.on_conflict(conflict);  // kept before it is seen
    add(link_figures_.connection_failures, 1);
    last_error_.set("nothing is delivered any more, see docs/exactly-once.md: " + conflict);
    publish_state();
}

// --- replies -------------------------------------------------------------------------------------------------------

void ExactlyOnceSink::receive(std::uint64_t now_ns) {
    const auto take = [this, now_ns](ReplyStream::Next reply) {
        return take_reply(reply == ReplyStream::Next::error, now_ns);
    };
    if (!link_.receive(now_ns, take) && !is_stopped_) connection_lost();
}

bool ExactlyOnceSink::take_reply(bool is_error, std::uint64_t now_ns) {
    CHECK(link_.is_ready() && link_.is_established() == (stage_ == Stage::delivering));
    const std::string_view error = is_error ? link_.replies().error_text() : std::string_view();
    return stage_ == Stage::handshaking ? take_handshake_reply(is_error, error, now_ns)
                                        : take_delivery_reply(is_error, error, now_ns);
}

bool ExactlyOnceSink::take_handshake_reply(bool is_error, std::string_view error, std::uint64_t now_ns) {
    switch (handshake_.take(is_error, error)) {
        case Handshake::Step::going_on: return true;
        case Handshake::Step::failed:
            return link_.unusable(link_.refusal(handshake_.error_text(), handshake_.refused_command()));
        case Handshake::Step::done: break;
    }
    if (handshake_.top() > window_.sent_last()) {
        stop_for_good(handshake_.top_key() + " ends at " + text_of(handshake_.top()) +
                      ", but this journal has sent no entry above " + text_of(window_.sent_last()));
        return false;
    }
    stage_ = Stage::delivering;
    link_.replies().accept_arrays(&window_);
    window_.opened();
    link_.established(now_ns);
    link_.trust();
    policy_.connected(window_view());
    if (!is_refused_) last_error_.set({});
    return true;
}

bool ExactlyOnceSink::take_delivery_reply(bool is_error, std::string_view error, std::uint64_t now_ns) {
    switch (window_.take(is_error, error, now_ns)) {
        case TransactionWindow::Step::going_on:
        case TransactionWindow::Step::opened: return true;
        case TransactionWindow::Step::settled:
            is_refused_ = false;
            policy_.command_stored();
            static_cast<void>(policy_.replies_read(window_view(), CommandOutcome::delivered, true, now_ns));
            forget_refusal(figures_);
            if (last_error_.is_set()) last_error_.set({});
            return true;
        case TransactionWindow::Step::refused: return refused(now_ns);
        case TransactionWindow::Step::unusable: return link_.unusable(link_.refusal(window_.error_text(), "MULTI"));
        case TransactionWindow::Step::conflict: stop_for_good(window_.error_text()); return false;
        case TransactionWindow::Step::not_due: return false;
    }
    return false;
}

bool ExactlyOnceSink::refused(std::uint64_t now_ns) {
    std::string why = link_.refusal(window_.error_text());
    is_refused_ = true;
    record_refusal(figures_, window_.refusal(), now_ns);
    policy_.batch_refused();
    static_cast<void>(policy_.replies_read(window_view(), window_.refusal(), false, now_ns));
    if (error_wants_reconnect(window_.error_text())) return link_.unusable(std::move(why));
    last_error_.set(std::move(why));
    return true;
}

// --- sending -------------------------------------------------------------------------------------------------------

void ExactlyOnceSink::send(std::uint64_t now_ns) {
    CHECK(link_.is_ready() && link_.is_established() == (stage_ == Stage::delivering));
    if (stage_ == Stage::handshaking) return send_handshake(now_ns);
    if (window_.is_open() && !window_.empty() && now_ns >= policy_.kept_retry_ns()) {
        policy_.sent(window_view());
        window_.begin();
        link_.await_replies(now_ns);
    }
    send_transaction(now_ns);
}

void ExactlyOnceSink::send_handshake(std::uint64_t now_ns) {
    const std::string_view rest = std::string_view(handshake_.bytes()).substr(handshake_sent_bytes_);
    iovec piece{const_cast<char*>(rest.data()), rest.size()};
    std::size_t sent_bytes = 0;
    if (!link_.send({&piece, rest.empty() ? 0U : 1U}, sent_bytes, now_ns)) return connection_lost();
    handshake_sent_bytes_ += sent_bytes;
}

void ExactlyOnceSink::send_transaction(std::uint64_t now_ns) {
    std::array<iovec, TransactionWindow::pieces_count_max> pieces;
    const std::span<iovec> rest = std::span(pieces).first(window_.gather(pieces));
    std::size_t sent_bytes = 0;
    if (!link_.send(rest, sent_bytes, now_ns)) return connection_lost();
    if (sent_bytes == 0) return;
    window_.sent(sent_bytes);
    add(figures_.bytes_sent, sent_bytes);
}

// --- what others see -----------------------------------------------------------------------------------------------

void ExactlyOnceSink::publish_state() {
    SinkState state = SinkState::connecting;
    if (link_.is_ready() && stage_ == Stage::delivering) state = is_refused_ ? SinkState::stalled : SinkState::ready;
    if (is_stopped_) state = SinkState::stalled;
    publish(figures_.state, state);
    publish_breaker(signal_, figures_, policy_.breaker());
}

}  // namespace
}  // namespace sluice::sinks::redis

namespace sluice::sinks {

std::unique_ptr<Sink> make_exactly_once_sink(const RedisSettings& settings, const OwnedStreams& streams,
                                             CompletionPort& port) {
    CHECK(!streams.owner.instance.empty() && !streams.keys.empty());
    return std::make_unique<redis::ExactlyOnceSink>(settings, streams, port);
}

}  // namespace sluice::sinks
