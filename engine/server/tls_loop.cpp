#include "engine/server/tls_loop.hpp"

#include <algorithm>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/core/limits.hpp"
#include "engine/io/accept_gate.hpp"

namespace sluice {
namespace {

using tls::HandshakeFailure;
using tls::Progress;

constexpr std::string_view plain_http_answer =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 42\r\n"
    "Connection: close\r\n"
    "\r\n"
    "This port speaks TLS. Ask it by https://.\n";
static_assert(plain_http_answer.size() - plain_http_answer.find("This") == 42);

// A record of TLS begins with 0x16 here, a method of HTTP with a letter.
bool is_http(char first) { return first >= 'A' && first <= 'Z'; }

}  // namespace

TlsLoop::TlsLoop(const io::LoopSettings& loop, TlsSettings settings, io::Events& events)
    : settings_(std::move(settings)),
      events_(events),
      pool_(limits::cipher_blocks_count_max),
      connections_(loop.slots_count_max),
      plain_(limits::tls_record_bytes_max + loop.padding_bytes),
      padding_bytes_(loop.padding_bytes) {
    for (auto* list : {&due_, &due_before_}) list->reserve(loop.slots_count_max);
}

TlsLoop::~TlsLoop() {
    loop_.reset();
    for (std::size_t slot = 0; slot < connections_.size(); ++slot) delete connections_[slot].session;
}

const tls::ClientIdentity* TlsLoop::client_of(Slot slot) const {
    const tls::Session* const session = connections_[slot].session;
    return session == nullptr || !session->client() ? nullptr : &*session->client();
}

tls::Counters TlsLoop::tls_counters() const {
    tls::Counters counters = tls_counters_;
    counters.handshakes_in_progress = handshakes_.count();
    return counters;
}

void TlsLoop::reset_tls_counters() {
    tls_counters_ = {};
    handshake_times_.reset();
}

// --- an iteration --------------------------------------------------------------------------------------------------

std::uint64_t TlsLoop::next_deadline_ns() const {
    std::uint64_t deadline_ns = 0;
    const auto add = [&](const SlotQueue& queue, std::uint64_t patience_ns) {
        if (queue.empty()) return;
        const std::uint64_t one_ns = connections_[queue.first()].node.since_ns + patience_ns;
        deadline_ns = deadline_ns == 0 ? one_ns : std::min(deadline_ns, one_ns);
    };
    add(handshakes_, settings_.handshake_timeout_ns);
    add(endings_, linger_ns);
    if (loop_->is_full() && evicted_count_ == 0) add(handshakes_, eviction_age_ns_min);
    return deadline_ns;
}

void TlsLoop::run_once(std::uint64_t deadline_ns) {
    constexpr std::uint64_t at_once_ns = 1;  // a deadline in the past; 0 would be none
    const std::uint64_t own_ns = due_.empty() ? next_deadline_ns() : at_once_ns;
    loop_->run_once(own_ns == 0 || (deadline_ns != 0 && deadline_ns < own_ns) ? deadline_ns : own_ns);
}

void TlsLoop::on_iteration(std::uint64_t now_ns) {
    now_ns_ = now_ns;
    steps_left_count_ = limits::handshake_steps_count_max;
    events_.on_iteration(now_ns);
    expire();
    if (loop_->is_full() && evicted_count_ == 0) evict();
    if (!due_.empty()) serve_due();
}

void TlsLoop::expire() {
    while (!handshakes_.empty() && node_of(handshakes_.first()).since_ns + settings_.handshake_timeout_ns <= now_ns_)
        on_handshake_failed(handshakes_.first(), HandshakeFailure::timeout);
    while (!endings_.empty() && node_of(endings_.first()).since_ns + linger_ns <= now_ns_) end(endings_.first());
}

// As many as the loop wants free before it accepts again (AcceptGate): those behind them wait in the backlogs.
void TlsLoop::evict() {
    std::uint64_t left_count = std::max<std::uint64_t>(counters().open_slots / io::AcceptGate::low_water_divisor, 1);
    for (; left_count > 0 && !handshakes_.empty(); --left_count) {
        const Slot slot = handshakes_.first();
        if (node_of(slot).since_ns + eviction_age_ns_min > now_ns_) return;
        connections_[slot].is_evicted = true;
        ++evicted_count_;
        on_handshake_failed(slot, HandshakeFailure::evicted);
    }
}

void TlsLoop::make_due(Slot slot) {
    if (!std::exchange(connections_[slot].is_due, true)) due_.push_back(slot);
}

// Handshakes in the order in which they came, as far as this iteration goes.
void TlsLoop::serve_due() {
    due_before_.swap(due_);
    for (const Slot slot : due_before_) {
        Connection& connection = connections_[slot];
        connection.is_due = false;
        const bool is_alive = connection.state == State::handshaking || connection.state == State::open;
        if (!is_alive) continue;
        if (connection.has_failed) break_session(slot);
        else if (connection.is_waiting && steps_left_count_ == 0) make_due(slot);
        else if (connection.is_waiting) {
            connection.is_waiting = false;
            if (!connection.is_paused) loop_->resume_receive(slot);
            const std::string bytes = std::exchange(connection.session->waiting(), {});
            shake_hands(slot, bytes);
        }
    }
    due_before_.clear();
}

// --- events of the loop below --------------------------------------------------------------------------------------

void TlsLoop::on_open(Slot slot, io::ListenerIndex listener) {
    Connection& connection = connections_[slot];
    CHECK(connection.state == State::plain && connection.session == nullptr);
    if ((tls_listeners_mask_ >> listener & 1) != 0) {
        const bool is_due = connection.is_due;  // as what the slot was before
        connection = Connection{};
        connection.is_due = is_due;
        connection.state = State::handshaking;
        handshakes_.add(nodes(), slot, now_ns_);
    }
    events_.on_open(slot, listener);
}

void TlsLoop::on_bytes(Slot slot, std::span<const char> bytes) {
    Connection& connection = connections_[slot];
    switch (connection.state) {
        case State::plain: return events_.on_bytes(slot, bytes);
        case State::handshaking: return on_handshake_bytes(slot, bytes);
        case State::open:
            if (connection.has_told_end) return;
            connection.session->feed(bytes, now_ns_);
            return read_plain(slot);
        case State::ending:
        case State::closing: return;
    }
}

void TlsLoop::on_end_of_stream(Slot slot) {
    Connection& connection = connections_[slot];
    if (connection.state == State::plain) return events_.on_end_of_stream(slot);
    connection.has_stream_ended = true;
    switch (connection.state) {
        case State::handshaking: return on_handshake_failed(slot, HandshakeFailure::client_gone);
        case State::open: return tell_end(slot);  // also without close_notify: bodies have lengths
        case State::ending:
            if (connection.was_shut_down) end(slot);
            return;
        case State::plain:
        case State::closing: return;
    }
}

void TlsLoop::on_input_checked(Slot slot, bool is_empty) {
    const Connection& connection = connections_[slot];
    if (connection.state == State::ending || connection.state == State::closing) return;
    const bool has_more =
        connection.session != nullptr &&
        (connection.is_waiting || connection.session->is_mid_record_since(now_ns_ - record_patience_ns));
    events_.on_input_checked(slot, is_empty && !has_more);
}

void TlsLoop::on_sent(Slot slot) {
    Connection& connection = connections_[slot];
    if (connection.state == State::plain) return events_.on_sent(slot);
    pool_.give_back(std::exchange(connection.sending, nullptr));
    send_next(slot);
    if (connection.sending == nullptr && std::exchange(connection.owes_sent, false)) events_.on_sent(slot);
}

void TlsLoop::on_failed(Slot slot) {
    Connection& connection = connections_[slot];
    switch (connection.state) {
        case State::plain: return events_.on_failed(slot);
        case State::handshaking:
            connection.has_failed = true;
            return on_handshake_failed(slot, HandshakeFailure::client_gone);
        case State::open: connection.has_failed = true; return events_.on_failed(slot);
        case State::ending: return end(slot);
        case State::closing: return;
    }
}

void TlsLoop::on_closed(Slot slot) {
    if (connections_[slot].state != State::plain) drop(slot);
    events_.on_closed(slot);
}

// The kernel holds nothing of it any more.
void TlsLoop::drop(Slot slot) {
    Connection& connection = connections_[slot];
    CHECK(connection.state == State::closing && !connection.node.is_queued);
    if (connection.sending != nullptr) pool_.give_back(connection.sending);
    delete connection.session;
    if (connection.is_evicted) --evicted_count_;
    const bool is_due = connection.is_due;
    connection = Connection{};
    connection.is_due = is_due;
}

// --- handshakes ----------------------------------------------------------------------------------------------------

void TlsLoop::on_handshake_bytes(Slot slot, std::span<const char> bytes) {
    Connection& connection = connections_[slot];
    if (connection.session == nullptr) {
        if (!open_session(slot)) return on_handshake_failed(slot, HandshakeFailure::memory);
        if (is_http(bytes.front())) return refuse_plain_http(slot);
    }
    if (connection.is_waiting || steps_left_count_ == 0) wait_for_turn(slot, bytes);
    else shake_hands(slot, bytes);
}

bool TlsLoop::open_session(Slot slot) {
    connections_[slot].session = tls::Session::open(settings_.context, pool_).release();
    return connections_[slot].session != nullptr;
}

void TlsLoop::refuse_plain_http(Slot slot) {
    static_cast<void>(connections_[slot].session->append_plain(plain_http_answer));
    on_handshake_failed(slot, HandshakeFailure::plain_http);
}

void TlsLoop::wait_for_turn(Slot slot, std::span<const char> bytes) {
    Connection& connection = connections_[slot];
    std::string& waiting = connection.session->waiting();
    if (waiting.size() + bytes.size() > limits::handshake_waiting_bytes_max)
        return on_handshake_failed(slot, HandshakeFailure::malformed);
    waiting.append(bytes.data(), bytes.size());
    if (std::exchange(connection.is_waiting, true)) return;
    if (!connection.is_paused) loop_->pause_receive(slot);
    make_due(slot);
}

void TlsLoop::shake_hands(Slot slot, std::span<const char> bytes) {
    tls::Session& session = *connections_[slot].session;
    session.feed(bytes, now_ns_);
    const Progress progress = session.advance();
    if (session.has_advanced() && steps_left_count_ > 0) --steps_left_count_;
    switch (progress) {
        case Progress::starved: return send_next(slot);
        case Progress::done: return on_handshake_done(slot);
        case Progress::ended:
        case Progress::failed: return on_handshake_failed(slot, session.failure());
    }
}

void TlsLoop::on_handshake_done(Slot slot) {
    Connection& connection = connections_[slot];
    const tls::Session& session = *connection.session;
    const bool is_resumed = session.is_resumed();
    if (session.is_tls_1_3()) ++(is_resumed ? tls_counters_.resumed_1_3 : tls_counters_.full_1_3);
    else ++(is_resumed ? tls_counters_.resumed_1_2 : tls_counters_.full_1_2);
    handshake_times_.record(monotonic_ns() - connection.node.since_ns);
    handshakes_.remove(nodes(), slot);
    connection.state = State::open;
    if (log::enabled(LogLevel::debug)) log_handshake(slot);
    read_plain(slot);  // what came behind it
}

void TlsLoop::on_handshake_failed(Slot slot, HandshakeFailure failure) {
    CHECK(connections_[slot].state == State::handshaking);
    tls_counters_.count(failure);
    if (log::enabled(LogLevel::debug)) log_failure(slot, failure);
    events_.on_failed(slot);
    CHECK(connections_[slot].state != State::handshaking);  // the server has called close()
}

// Costs system calls, for the peer.
void TlsLoop::log_handshake(Slot slot) {
    const tls::Session& session = *connections_[slot].session;
    const tls::ClientIdentity* const client = client_of(slot);
    const std::string uri = client == nullptr || client->uris.empty() ? "" : client->uris.front();
    const std::string name = client == nullptr || client->dns_names.empty() ? "" : client->dns_names.front();
    log::debug("tls_handshake", {{"peer", loop_->peer_of(slot)},
                                 {"version", session.is_tls_1_3() ? "1.3" : "1.2"},
                                 {"resumed", session.is_resumed()},
                                 {"client_fingerprint", client == nullptr ? "" : client->fingerprint},
                                 {"client_uri", uri},
                                 {"client_name", name}});
}

void TlsLoop::log_failure(Slot slot, HandshakeFailure failure) {
    failure_log_.line(
        LogLevel::debug, now_ns_, "tls_handshake_failed",
        {{"peer", loop_->peer_of(slot)}, {"reason", tls::handshake_failure_words[static_cast<std::size_t>(failure)]}});
}

// --- after them ----------------------------------------------------------------------------------------------------

// Ends: what was fed is used up, at most a receive buffer or what a handshake had waiting.
void TlsLoop::read_plain(Slot slot) {
    Connection& connection = connections_[slot];
    while (connection.state == State::open && !connection.has_told_end) {
        const auto [progress, bytes] = connection.session->read({plain_.data(), plain_.size() - padding_bytes_});
        if (progress == Progress::done) events_.on_bytes(slot, {plain_.data(), bytes});
        else if (progress == Progress::ended) tell_end(slot);
        else if (progress == Progress::failed) return break_session(slot);
        else break;
    }
    if (connection.state == State::open) send_next(slot);  // new keys are answered, renegotiation is refused
}

void TlsLoop::tell_end(Slot slot) {
    if (!std::exchange(connections_[slot].has_told_end, true)) events_.on_end_of_stream(slot);
}

void TlsLoop::break_session(Slot slot) {
    ++tls_counters_.broken_sessions;
    events_.on_failed(slot);
}

// --- calls of the server -------------------------------------------------------------------------------------------

void TlsLoop::send(Slot slot, std::span<const char> bytes) {
    Connection& connection = connections_[slot];
    if (connection.state == State::plain) return loop_->send(slot, bytes);
    CHECK(connection.state == State::open && !connection.owes_sent);
    connection.owes_sent = true;
    if (connection.session->seal(bytes)) return send_next(slot);
    connection.has_failed = true;  // the server is not called back from here
    make_due(slot);
}

// The next block; behind the last one the end of the stream, if it is wanted.
void TlsLoop::send_next(Slot slot) {
    Connection& connection = connections_[slot];
    const bool may_send = connection.state != State::closing && !connection.was_shut_down;
    if (connection.sending != nullptr || !may_send) return;
    if (connection.session != nullptr && connection.session->has_block()) {
        connection.sending = connection.session->take_block();
        return loop_->send(slot, connection.sending->bytes());
    }
    if (!connection.wants_shutdown) return;
    connection.was_shut_down = true;
    if (connection.state == State::ending && connection.has_stream_ended) end(slot);
    else loop_->shutdown_send(slot);
}

void TlsLoop::pause_receive(Slot slot) {
    Connection& connection = connections_[slot];
    if (connection.state == State::plain) return loop_->pause_receive(slot);
    connection.is_paused = true;
    if (!connection.is_waiting) loop_->pause_receive(slot);
}

void TlsLoop::resume_receive(Slot slot) {
    Connection& connection = connections_[slot];
    if (connection.state == State::plain) return loop_->resume_receive(slot);
    connection.is_paused = false;
    if (!connection.is_waiting) loop_->resume_receive(slot);
}

void TlsLoop::shutdown_send(Slot slot) {
    Connection& connection = connections_[slot];
    if (connection.state == State::plain) return loop_->shutdown_send(slot);
    if (connection.session != nullptr) connection.session->say_goodbye();
    connection.wants_shutdown = true;
    send_next(slot);
}

// The server is done with it. It hears of the slot again when it is closed.
void TlsLoop::close(Slot slot) {
    Connection& connection = connections_[slot];
    if (connection.state == State::plain) return loop_->close(slot);
    CHECK(connection.state == State::handshaking || connection.state == State::open);
    if (connection.state == State::handshaking) handshakes_.remove(nodes(), slot);
    tls::Session* session = connection.session;
    const bool is_cut_off =
        connection.owes_sent || connection.has_failed || connection.was_shut_down || connection.is_evicted;
    if (session != nullptr && !is_cut_off) session->say_goodbye();
    connection.state = State::ending;
    const bool has_words = session != nullptr && (session->has_block() || connection.sending != nullptr);
    if (is_cut_off || !has_words) return end(slot);
    endings_.add(nodes(), slot, now_ns_);
    connection.wants_shutdown = true;
    const bool is_held = connection.is_paused || connection.is_waiting;
    if (is_held && !connection.has_stream_ended) loop_->resume_receive(slot);  // to see the peer's end
    send_next(slot);
}

void TlsLoop::end(Slot slot) {
    Connection& connection = connections_[slot];
    CHECK(connection.state == State::ending);
    endings_.remove(nodes(), slot);
    connection.state = State::closing;
    loop_->close(slot);
}

}  // namespace sluice
