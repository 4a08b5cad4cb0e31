#include "sinks/redis/exactly_once/exactly_once_sink.hpp"

#include <poll.h>

#include <array>
#include <string_view>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "sinks/redis/exactly_once/introduction.hpp"
#include "sinks/redis/link/backoff.hpp"
#include "sinks/redis/link/session.hpp"
#include "sinks/redis/resp/error_class.hpp"
#include "sinks/redis/window/transaction_window.hpp"
#include "sinks/trouble.hpp"

namespace sluice::sinks::redis {
namespace {

// Reads per advance(): as the other Redis sink.
constexpr int receives_count_max = 4;

class ExactlyOnceSink final : public Sink {
  public:
    ExactlyOnceSink(const RedisSettings& settings, const OwnedStreams& streams, CompletionPort& port)
        : settings_(settings),
          owner_(streams.owner),
          session_(settings),
          introduction_(streams.index_key, streams.keys),
          window_(port, figures_, exactly_once_, streams.owner.known_last),
          connect_backoff_(settings.backoff_min_ns, settings.backoff_max_ns, settings.random_seed),
          retry_backoff_(settings.backoff_min_ns, settings.backoff_max_ns, ~settings.random_seed),
          breaker_(settings.breaker_failures_count),
          trouble_("connecting to " + session_.peer()) {
        settings_.password.clear();  // the session has what it needs
        if (!owner_.conflict.empty()) stop_for_good(owner_.conflict);
    }

    [[nodiscard]] bool has_room() const override { return window_.has_room(); }
    void submit(Batch& batch) override { window_.submit(batch); }
    [[nodiscard]] Interest interest() const override;
    void advance(short revents, std::uint64_t now_ns) override;
    [[nodiscard]] const SinkSignal& signal() const override { return signal_; }
    [[nodiscard]] SinkFigures figures() const override {
        return {.delivery = figures_, .link = &link_, .exactly_once = &exactly_once_};
    }
    [[nodiscard]] std::string trouble() const override { return trouble_.text(); }

  private:
    // What the connection is used for, while the session is ready.
    enum class Stage : std::uint8_t { introducing, delivering };

    void connect(std::uint64_t now_ns);
    void go_on_connecting(short revents, std::uint64_t now_ns);
    void connection_failed(const std::string& why, std::uint64_t now_ns);
    void drop_connection(const std::string& why, std::uint64_t now_ns);
    void stop_for_good(const std::string& conflict);

    void receive(std::uint64_t now_ns);
    [[nodiscard]] bool take_replies(std::uint64_t now_ns);
    [[nodiscard]] bool take_introduced(bool is_error, std::uint64_t now_ns);
    [[nodiscard]] bool take_delivered(bool is_error, std::uint64_t now_ns);
    void refused(std::uint64_t now_ns);
    void check_deadlines(std::uint64_t now_ns);

    void send(std::uint64_t now_ns);
    void send_introduction(std::uint64_t now_ns);
    void send_transaction(std::uint64_t now_ns);

    void publish_state();

    RedisSettings settings_;
    const StreamOwner owner_;
    SinkSignal signal_;
    DeliveryFigures figures_;
    LinkFigures link_;
    ExactlyOnceFigures exactly_once_;
    Session session_;
    Introduction introduction_;
    TransactionWindow window_;
    Backoff connect_backoff_;
    Backoff retry_backoff_;
    Breaker breaker_;

    Stage stage_ = Stage::introducing;
    std::size_t introduction_sent_bytes_ = 0;
    bool is_stopped_ = false;                 // a conflict
    bool send_blocked_ = false;               // the socket took less than we had
    std::uint64_t connect_at_ns_ = 0;         // session closed: when to try again
    std::uint64_t connect_deadline_ns_ = 0;   // connecting, greeting, introducing
    std::uint64_t ready_since_ns_ = 0;
    std::uint64_t progress_ns_ = 0;           // while replies are due: the last one, or the first sending
    std::uint64_t retry_at_ns_ = 0;           // a transaction was refused: not before; 0: none was
    Trouble trouble_;
};

// --- the loop body -------------------------------------------------------------------------------------------------

Interest ExactlyOnceSink::interest() const {
    if (is_stopped_) return {};
    if (session_.state() == Session::State::closed) return {-1, 0, connect_at_ns_};
    Interest interest{session_.fd(), session_.events(), connect_deadline_ns_};
    if (!session_.ready()) return interest;
    if (send_blocked_) interest.events = POLLIN | POLLOUT;
    if (stage_ == Stage::introducing) return interest;
    interest.deadline_ns = window_.awaits_replies() ? progress_ns_ + settings_.reply_timeout_ns : retry_at_ns_;
    return interest;
}

void ExactlyOnceSink::advance(short revents, std::uint64_t now_ns) {
    if (is_stopped_) return;
    switch (session_.state()) {
        case Session::State::closed: connect(now_ns); break;
        case Session::State::connecting:
        case Session::State::greeting: go_on_connecting(revents, now_ns); break;
        case Session::State::ready:
            if ((revents & (POLLIN | POLLERR | POLLHUP)) != 0) receive(now_ns);
            break;
    }
    if (session_.ready()) check_deadlines(now_ns);
    if (session_.ready()) send(now_ns);
    publish_state();
}

// --- connecting ----------------------------------------------------------------------------------------------------

void ExactlyOnceSink::connect(std::uint64_t now_ns) {
    if (now_ns < connect_at_ns_) return;
    connect_deadline_ns_ = now_ns + settings_.connect_timeout_ns;
    breaker_.attempt();
    session_.replies().accept_arrays(nullptr);
    if (session_.open() == Session::Step::failed) connection_failed(session_.failure(), now_ns);
}

void ExactlyOnceSink::go_on_connecting(short revents, std::uint64_t now_ns) {
    if (session_.advance(revents) == Session::Step::failed) return connection_failed(session_.failure(), now_ns);
    if (session_.ready()) {
        stage_ = Stage::introducing;
        introduction_.begin();
        session_.replies().accept_arrays(&introduction_);
        introduction_sent_bytes_ = 0;
        send_blocked_ = false;
        return;
    }
    if (now_ns < connect_deadline_ns_) return;
    const bool is_connected = session_.state() == Session::State::greeting;
    session_.close();
    connection_failed(session_.peer() + (is_connected ? " accepts connections but does not answer"
                                                      : " does not answer (connect timeout)"),
                      now_ns);
}

// An attempt to connect came to nothing.
void ExactlyOnceSink::connection_failed(const std::string& why, std::uint64_t now_ns) {
    add(link_.connection_failures, 1);
    connect_at_ns_ = now_ns + connect_backoff_.next_ns();
    breaker_.failed(Breaker::Failure::connection);
    breaker_.retry_at(connect_at_ns_);
    trouble_.set(why);
}

// A connection that was ready is given up.
void ExactlyOnceSink::drop_connection(const std::string& why, std::uint64_t now_ns) {
    session_.close();
    window_.connection_lost();
    forget_refusal(figures_);
    if (stage_ == Stage::delivering && now_ns - ready_since_ns_ >= settings_.backoff_max_ns) connect_backoff_.reset();
    connection_failed(why, now_ns);
}

void ExactlyOnceSink::stop_for_good(const std::string& conflict) {
    is_stopped_ = true;
    session_.close();
    if (conflict != owner_.conflict && owner_.on_conflict) owner_.on_conflict(conflict);  // kept before it is seen
    add(link_.connection_failures, 1);
    trouble_.set("nothing is delivered any more, see docs/exactly-once.md: " + conflict);
    publish_state();
}

void ExactlyOnceSink::check_deadlines(std::uint64_t now_ns) {
    const bool is_introducing = stage_ == Stage::introducing;
    const bool is_late = is_introducing
                             ? now_ns >= connect_deadline_ns_
                             : window_.awaits_replies() && now_ns >= progress_ns_ + settings_.reply_timeout_ns;
    if (is_late)
        drop_connection(
            "no reply from " + session_.peer() + " within the " + (is_introducing ? "connect" : "reply") + " timeout",
            now_ns);
}

// --- replies -------------------------------------------------------------------------------------------------------

void ExactlyOnceSink::receive(std::uint64_t now_ns) {
    for (int i = 0; i < receives_count_max; ++i) {
        std::span<const char> bytes;
        if (session_.receive(bytes) == Session::Step::failed) return drop_connection(session_.failure(), now_ns);
        session_.replies().give(bytes);
        if (!take_replies(now_ns) || bytes.size() < limits::redis_receive_bytes) return;
    }
}

// False if the connection is gone.
bool ExactlyOnceSink::take_replies(std::uint64_t now_ns) {
    for (;;) {  // ends: each turn takes a reply out of what was received
        const ReplyStream::Next reply = session_.replies().next();
        if (reply == ReplyStream::Next::need_more) return true;
        if (reply == ReplyStream::Next::broken) {
            const std::string why = printable(session_.replies().broken_because());
            drop_connection("protocol error from " + session_.peer() + ": " + why, now_ns);
            return false;
        }
        progress_ns_ = now_ns;
        const bool is_error = reply == ReplyStream::Next::error;
        const bool goes_on =
            stage_ == Stage::introducing ? take_introduced(is_error, now_ns) : take_delivered(is_error, now_ns);
        if (!goes_on) return false;
    }
}

bool ExactlyOnceSink::take_introduced(bool is_error, std::uint64_t now_ns) {
    switch (introduction_.take(is_error, is_error ? session_.replies().error_text() : std::string_view())) {
        case Introduction::Step::going_on: return true;
        case Introduction::Step::failed:
            drop_connection("Redis at " + session_.peer() + " refuses " + introduction_.failure(), now_ns);
            return false;
        case Introduction::Step::done: break;
    }
    if (introduction_.top() > window_.sent_last()) {
        stop_for_good(introduction_.top_key() + " ends at " + text_of(introduction_.top()) +
                      ", but this journal has sent no entry above " + text_of(window_.sent_last()));
        return false;
    }
    stage_ = Stage::delivering;
    session_.replies().accept_arrays(&window_);
    window_.opened();
    add(link_.connects, 1);
    ready_since_ns_ = now_ns;
    connect_backoff_.reset();
    if (window_.empty()) breaker_.succeeded();
    if (retry_at_ns_ == 0) trouble_.set({});
    return true;
}

bool ExactlyOnceSink::take_delivered(bool is_error, std::uint64_t now_ns) {
    const std::string_view text = is_error ? session_.replies().error_text() : std::string_view();
    switch (window_.take(is_error, text, monotonic_ns())) {  // the time at which it was read
        case TransactionWindow::Step::going_on:
        case TransactionWindow::Step::opened: return true;
        case TransactionWindow::Step::settled:
            retry_at_ns_ = 0;
            retry_backoff_.reset();
            breaker_.succeeded();
            forget_refusal(figures_);
            if (trouble_.is_set()) trouble_.set({});
            return true;
        case TransactionWindow::Step::refused: refused(now_ns); return session_.ready();
        case TransactionWindow::Step::unusable:
            drop_connection("Redis at " + session_.peer() + " refuses MULTI: " + printable(window_.error_text()),
                            now_ns);
            return false;
        case TransactionWindow::Step::conflict: stop_for_good(window_.error_text()); return false;
        case TransactionWindow::Step::not_due:
            drop_connection(session_.peer() + " answers what it was not asked", now_ns);
            return false;
    }
    return false;
}

void ExactlyOnceSink::refused(std::uint64_t now_ns) {
    const std::string why = "Redis at " + session_.peer() + " refuses commands: " + printable(window_.error_text());
    const bool is_busy = window_.refusal() == CommandOutcome::busy;
    retry_at_ns_ = now_ns + (is_busy ? retry_backoff_.next_ns() : retry_backoff_.longest_ns());
    note_refusal(figures_, window_.refusal(), now_ns);
    breaker_.failed(Breaker::Failure::refusal);
    breaker_.retry_at(retry_at_ns_);
    if (error_wants_reconnect(window_.error_text())) return drop_connection(why, now_ns);
    trouble_.set(why);
}

// --- sending -------------------------------------------------------------------------------------------------------

void ExactlyOnceSink::send(std::uint64_t now_ns) {
    if (stage_ == Stage::introducing) return send_introduction(now_ns);
    if (window_.is_open() && !window_.empty() && now_ns >= retry_at_ns_) {
        window_.begin();
        breaker_.attempt();
        progress_ns_ = now_ns;
    }
    send_transaction(now_ns);
}

void ExactlyOnceSink::send_introduction(std::uint64_t now_ns) {
    const std::string_view rest = std::string_view(introduction_.bytes()).substr(introduction_sent_bytes_);
    iovec piece{const_cast<char*>(rest.data()), rest.size()};
    std::size_t sent_bytes = 0;
    if (!rest.empty() && session_.send({&piece, 1}, sent_bytes) == Session::Step::failed)
        return drop_connection(session_.failure(), now_ns);
    introduction_sent_bytes_ += sent_bytes;
    send_blocked_ = sent_bytes < rest.size();
}

void ExactlyOnceSink::send_transaction(std::uint64_t now_ns) {
    std::array<iovec, TransactionWindow::pieces_count_max> pieces;
    const std::span<iovec> rest = std::span(pieces).first(window_.gather(pieces));
    send_blocked_ = false;
    if (rest.empty()) return;
    std::size_t wanted_bytes = 0;
    for (const iovec& piece : rest) wanted_bytes += piece.iov_len;
    std::size_t sent_bytes = 0;
    if (session_.send(rest, sent_bytes) == Session::Step::failed) return drop_connection(session_.failure(), now_ns);
    send_blocked_ = sent_bytes < wanted_bytes;
    window_.sent(sent_bytes);
    add(figures_.bytes_sent, sent_bytes);
}

// --- what others see -----------------------------------------------------------------------------------------------

void ExactlyOnceSink::publish_state() {
    SinkState state = SinkState::connecting;
    if (session_.ready() && stage_ == Stage::delivering)
        state = retry_at_ns_ != 0 ? SinkState::stalled : SinkState::ready;
    if (is_stopped_) state = SinkState::stalled;
    publish(figures_.state, state);
    publish_breaker(signal_, figures_, breaker_);
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
