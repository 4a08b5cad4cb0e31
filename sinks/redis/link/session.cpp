#include "sinks/redis/link/session.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <hiredis/hiredis.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"
#include "sinks/redis/link/password.hpp"
#include "sinks/redis/resp/command.hpp"
#include "sinks/redis/resp/error_class.hpp"

namespace sluice::sinks::redis {
namespace {

[[nodiscard]] std::string peer_of(const RedisSettings& settings) {
    return settings.path.empty() ? text_of(ServerAddress{settings.host, settings.port}) : settings.path;
}

void set_option(int fd, int level, int name, int value) {
    static_cast<void>(::setsockopt(fd, level, name, &value, sizeof value));
}

[[nodiscard]] bool would_block(int error_number) {
    return error_number == EAGAIN || error_number == EWOULDBLOCK || error_number == EINTR;
}

}  // namespace

Session::Session(const RedisSettings& settings)
    : settings_(settings),
      addresses_(settings.addresses != nullptr ? settings.addresses : std::make_shared<AddressBook>()),
      peer_(peer_of(settings)),
      receive_buffer_(limits::redis_receive_bytes) {}

void Session::enter(State next) {
    const bool is_next_step = static_cast<int>(next) == static_cast<int>(state_) + 1;
    const bool is_plain_step = state_ == State::connecting && next == State::greeting && !tls_;
    CHECK(is_next_step || is_plain_step || next == State::closed);
    const bool is_greeting = state_ == State::securing || state_ == State::greeting;
    if (is_greeting && next == State::closed) set_address_back();
    if (next == State::ready) attempt_.worked(*addresses_);
    state_ = next;
}

// --- connecting ------------------------------------------------------------------------------------

Session::Step Session::open() {
    CHECK(state_ == State::closed);
    const auto password = password_of(settings_);
    if (!password) return fail(password.error());
    render_greeting(*password);
    if (settings_.tls.is_on) {
        auto client = TlsClient::load(settings_.tls);
        if (!client) return fail(std::move(client).error());
        tls_.emplace(*std::move(client));
    }
    if (auto begun = attempt_.begin(settings_, *addresses_); !begun) return fail(std::move(begun).error());
    return connect_to_next();
}

Session::Step Session::connect_to_next() {
    CHECK(state_ == State::closed);
    while (attempt_.next()) {  // ends: the addresses are counted
        peer_ = attempt_.peer();
        const auto begun = begin_connecting();
        if (begun) return Step::going_on;
        attempt_.failed(begun.error());
    }
    return fail(attempt_.failure());
}

std::expected<void, std::string> Session::begin_connecting() {
    redisOptions options{};
    options.options = REDIS_OPT_NONBLOCK;
    if (settings_.path.empty()) {
        REDIS_OPTIONS_SET_TCP(&options, attempt_.address().c_str(), server().port);
    } else {
        REDIS_OPTIONS_SET_UNIX(&options, settings_.path.c_str());
    }
    redisContext* context = redisConnectWithOptions(&options);
    if (context == nullptr) return std::unexpected("out of memory");
    if (context->err != 0) {
        std::string why = printable(context->errstr);
        redisFree(context);
        return std::unexpected(std::move(why));
    }
    socket_.reset(redisFreeKeepFd(context));
    CHECK(socket_.is_open());
    ++sockets_count_;
    enter(State::connecting);
    set_socket_options();
    return {};
}

Session::Step Session::give_up_address(const std::string& reason) {
    CHECK(state_ == State::connecting);
    close();
    attempt_.failed(reason);
    return connect_to_next();
}

void Session::set_address_back() { attempt_.was_useless(*addresses_); }

void Session::set_socket_options() const {
    const int fd = socket_.get();
    static_cast<void>(::fcntl(fd, F_SETFD, FD_CLOEXEC));
    if (settings_.send_buffer_bytes > 0) set_option(fd, SOL_SOCKET, SO_SNDBUF, settings_.send_buffer_bytes);
    if (!settings_.path.empty()) return;
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    // A peer that vanished while nothing was due is found after 15 + 3 × 5 s; while replies are due, the reply
    // timeout finds it.
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 15);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

Session::Step Session::advance(short revents) {
    if (state_ == State::connecting) {
        if (revents == 0) return Step::going_on;
        return finish_connect();
    }
    if (state_ == State::securing) return secure();
    CHECK(state_ == State::greeting);
    return greet(revents);
}

Session::Step Session::finish_connect() {
    int error_number = 0;
    socklen_t size = sizeof error_number;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error_number, &size) != 0) error_number = errno;
    if (error_number != 0) return give_up_address(std::strerror(error_number));
    return tls_ ? begin_securing() : begin_greeting();
}

Session::Step Session::begin_securing() {
    auto ssl = tls_->open(server().host);
    enter(State::securing);
    if (ssl == nullptr) return fail("no TLS with " + peer_ + ": out of memory");
    stream_ = std::make_unique<TlsStream>(std::move(ssl), socket_.get());
    return secure();
}

Session::Step Session::secure() {
    switch (stream_->shake_hands()) {
        case TlsStream::Result::blocked: return Step::going_on;
        case TlsStream::Result::done: return begin_greeting();
        case TlsStream::Result::ended:
        case TlsStream::Result::failed: break;
    }
    return fail("no TLS with " + peer_ + ": " +
                tls_->why_refused(stream_->ssl(), server().host, stream_->error_number()));
}

Session::Step Session::begin_greeting() {
    enter(State::greeting);
    greeting_sent_bytes_ = 0;
    greetings_answered_count_ = 0;
    takes_wait_aof_ = false;
    tolerated_error_.clear();
    replies_.reset();
    return greet(POLLOUT);
}

Session::Step Session::give_up_silent() {
    std::string sentence = peer_ + " accepts connections but does not answer";
    if (state_ == State::securing) sentence.append(" in TLS").append(no_tls_guess);
    return fail(std::move(sentence));
}

void Session::close() {
    stream_.reset();  // before the descriptor that it borrows
    may_hold_more_ = false;
    socket_.reset();
    enter(State::closed);
}

short Session::events() const {
    if (state_ == State::connecting) return POLLOUT;
    if (state_ == State::securing) return stream_->wants_write() ? POLLOUT : POLLIN;
    const bool unsent = state_ == State::greeting && (has_unsent() || greeting_sent_bytes_ < greeting_bytes_.size());
    return static_cast<short>(unsent ? POLLIN | POLLOUT : POLLIN);
}

// --- greeting --------------------------------------------------------------------------------------

void Session::render_greeting(const std::string& password) {
    greetings_.clear();
    greeting_bytes_.clear();
    // A user without a password too: a `nopass` user takes any, and other users' refusal is told.
    if (!settings_.user.empty()) add_greeting({"AUTH", nullptr}, {"AUTH", settings_.user, password});
    else if (!password.empty()) add_greeting({"AUTH", nullptr}, {"AUTH", password});
    if (settings_.db != 0) add_greeting({"SELECT", nullptr}, {"SELECT", std::to_string(settings_.db)});
    add_greeting({"CLIENT SETNAME", ""}, {"CLIENT", "SETNAME", "sluice"});
    // At once on a connection that has written nothing; an error without append-only file, and before Redis 7.2.
    if (settings_.replicas_count != 0 && settings_.tries_wait_aof)
        add_greeting({"WAITAOF", "", true}, {"WAITAOF", "1", "0", "1"});
    add_greeting({"PING", "NOPERM"}, {"PING"});  // a user who may not PING may still be allowed to write
}

void Session::add_greeting(Greeting greeting, std::initializer_list<std::string_view> words) {
    greetings_.push_back(greeting);
    append_command(greeting_bytes_, words);
}

Session::Step Session::greet(short revents) {
    if ((revents & POLLOUT) != 0) {
        iovec rest{greeting_bytes_.data() + greeting_sent_bytes_, greeting_bytes_.size() - greeting_sent_bytes_};
        std::size_t sent_bytes = 0;
        const bool has_some = rest.iov_len > 0 || has_unsent();
        if (has_some && send({&rest, 1}, sent_bytes) == Step::failed) return Step::failed;
        greeting_sent_bytes_ += sent_bytes;
    }
    if ((revents & (POLLIN | POLLERR | POLLHUP)) == 0) return Step::going_on;

    do {  // ends: the server says no more than it was asked
        std::span<const char> bytes;
        if (receive(bytes) == Step::failed) return tell_tolerated_error();
        replies_.give(bytes);
        if (take_answers() == Step::failed) return Step::failed;
    } while (may_hold_more());
    return Step::going_on;
}

Session::Step Session::take_answers() {
    for (;;) {  // ends: each turn takes a reply out of what was received
        const bool is_wait_aof = state_ == State::greeting && greetings_[greetings_answered_count_].is_wait_aof;
        const ReplyStream::Next reply = replies_.next(is_wait_aof);
        if (reply == ReplyStream::Next::need_more) return Step::going_on;
        if (greeting_answered(reply) == Step::failed) return Step::failed;
    }
}

Session::Step Session::greeting_answered(ReplyStream::Next reply) {
    if (reply == ReplyStream::Next::broken) {
        return fail(peer_ + " does not speak the Redis protocol: " + printable(replies_.broken_because()));
    }
    if (state_ == State::ready) return fail(peer_ + " answers what it was not asked");
    const Greeting& greeting = greetings_[greetings_answered_count_++];
    const bool is_error = reply == ReplyStream::Next::error;
    if (is_error && refuses_connection(replies_.error_text()))
        return fail(refusal_sentence(peer_, replies_.error_text()));
    if (is_error &&
        (greeting.tolerated_errors == nullptr || !replies_.error_text().starts_with(greeting.tolerated_errors))) {
        return fail(refusal_sentence(peer_, replies_.error_text(), greeting.name));
    }
    if (is_error) tolerated_error_ = replies_.error_text();
    if (greeting.is_wait_aof) takes_wait_aof_ = !is_error;
    if (greetings_answered_count_ == greetings_.size()) enter(State::ready);
    return Step::going_on;
}

// The connection has ended within the greeting. An error that was of no account may be the reason.
Session::Step Session::tell_tolerated_error() {
    if (!tolerated_error_.empty()) failure_ += "; before that it said: " + error_clause(tolerated_error_);
    return Step::failed;
}

// --- bytes -----------------------------------------------------------------------------------------

Session::Step Session::send(std::span<iovec> pieces, std::size_t& sent_bytes) {
    if (stream_ != nullptr) return send_sealed(pieces, sent_bytes);
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    const ssize_t result = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    sent_bytes = result > 0 ? static_cast<std::size_t>(result) : 0;
    if (result < 0 && !would_block(errno)) return fail_with_errno("lost the connection to ", errno);
    return Step::going_on;
}

Session::Step Session::receive(std::span<const char>& bytes) {
    bytes = {};
    if (stream_ != nullptr) return receive_sealed(bytes);
    const ssize_t result = ::recv(socket_.get(), receive_buffer_.data(), receive_buffer_.size(), MSG_DONTWAIT);
    if (result == 0) return fail(peer_ + " closed the connection" + guess());
    if (result < 0) return would_block(errno) ? Step::going_on : fail_with_errno("lost the connection to ", errno);
    bytes = std::span(receive_buffer_).first(static_cast<std::size_t>(result));
    return Step::going_on;
}

Session::Step Session::send_sealed(std::span<const iovec> pieces, std::size_t& sent_bytes) {
    if (stream_->write(pieces, sent_bytes) == TlsStream::Result::failed) return fail_sealed();
    return Step::going_on;
}

Session::Step Session::receive_sealed(std::span<const char>& bytes) {
    std::size_t received_bytes = 0;
    const TlsStream::Result result = stream_->read(receive_buffer_, received_bytes);
    may_hold_more_ = result == TlsStream::Result::done;
    if (result == TlsStream::Result::ended) return fail(peer_ + " closed the connection" + guess());
    if (result == TlsStream::Result::failed) return fail_sealed();
    bytes = std::span(receive_buffer_).first(received_bytes);
    return Step::going_on;
}

Session::Step Session::fail_sealed() {
    const char* const what = is_unanswered() ? "no TLS with " : "lost the connection to ";
    return fail(what + peer_ + ": " + tls_->why_ended(stream_->error_number(), !is_unanswered()));
}

// What may be the reason where the server ends a connection on which it has answered nothing.
std::string Session::guess() const {
    if (!is_unanswered() || !settings_.path.empty()) return {};
    return tls_ ? tls_->guess() : std::string(tls_guess);
}

Session::Step Session::fail(std::string sentence) {
    close();
    failure_ = std::move(sentence);
    return Step::failed;
}

Session::Step Session::fail_with_errno(const char* what, int error_number) {
    return fail(what + peer_ + ": " + std::strerror(error_number) + guess());
}

}  // namespace sluice::sinks::redis
