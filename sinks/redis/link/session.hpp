// Session: one connection to Redis at a time, from the first connect(2) to the moment commands may be sent.
//
//     closed ── open() ──> connecting ── writable ──> greeting ── all answered ──> ready
//        ^                      └── with TLS: securing ──^                          │
//        └──────────────────── close(), or any failure ────────────────────────────┘
//
// A name may lead to several addresses: while connecting, one after the other is tried (AddressBook), each with a
// socket of its own. One that takes the connection is the one that the attempt goes on with.
//
// The greeting is AUTH and SELECT where configured, CLIENT SETNAME (a failure is ignored), WAITAOF where
// replicas are wanted (its reply shows whether this server has it and appends to a file, else WAIT does) and PING,
// which tells at once of a server that is loading or wants a password: sent together, answered in order.
//
// hiredis connects; after that the session owns the plain descriptor and hiredis' context is
// gone, because its output buffer would copy every arena once more. Resolving a host name blocks
// (getaddrinfo): that holds up this sink's thread alone, never a reactor, and only while there is nothing
// to send to anyway. An address instead of a name does not block. Nor do the files of a password and of TLS, but for
// the disk: they are read before each attempt.
//
// With TLS the descriptor is a TlsStream's, which speaks OpenSSL: that of hiredis needs its context and output buffer.
//
// Sink thread only. Does not know batches; does not reconnect by itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/uio.h>

#include "engine/core/descriptor.hpp"
#include "sinks/redis/link/address_book.hpp"
#include "sinks/redis/link/connect_attempt.hpp"
#include "sinks/redis/link/settings.hpp"
#include "sinks/redis/resp/reply_stream.hpp"
#include "sinks/redis/tls/client.hpp"
#include "sinks/redis/tls/stream.hpp"

namespace sluice::sinks::redis {

class Session {
  public:
    explicit Session(const RedisSettings& settings);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // One after the other, securing only with TLS; closed from each.
    enum class State : std::uint8_t { closed, connecting, securing, greeting, ready };
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] bool is_ready() const { return state_ == State::ready; }

    // What a step came to. After `failed` the session is closed and failure() says why, in one sentence.
    enum class Step : std::uint8_t { going_on, failed };

    // Begins to connect. Needs state closed.
    [[nodiscard]] Step open();
    // Gives up the address at hand, for `reason`, and goes on to the next one. Needs connecting. Failed: it was the
    // last.
    [[nodiscard]] Step give_up_address(const std::string& reason);
    // Gives the attempt up because the server, which took the connection, does not answer. Fails.
    [[nodiscard]] Step give_up_silent();
    // The address that it is connected to is of no use now: others of the name are tried first the next time.
    void set_address_back();
    // Goes on connecting and greeting, given poll(2)'s `revents` of fd(). Needs that it is neither closed nor ready.
    [[nodiscard]] Step advance(short revents);
    void close();

    [[nodiscard]] int fd() const { return socket_.get(); }
    // Counts the sockets so far: a new one may have an old one's number.
    [[nodiscard]] std::uint64_t sockets_count() const { return sockets_count_; }
    // Addresses behind the one at hand. While connecting.
    [[nodiscard]] std::size_t addresses_left_count() const { return attempt_.left_count(); }
    // poll(2) events that advance() waits for.
    [[nodiscard]] short events() const;

    // Sends what the socket takes of `pieces`, and writes to `sent_bytes` how much that was (maybe 0).
    [[nodiscard]] Step send(std::span<iovec> pieces, std::size_t& sent_bytes);
    // Receives once. going_on with nothing received if there is nothing to read. `bytes` are valid until the next
    // call; give them to replies().
    [[nodiscard]] Step receive(std::span<const char>& bytes);
    // Whether receive() is to be called again until it gives nothing: with TLS there may be more than poll(2) tells of.
    [[nodiscard]] bool may_hold_more() const { return may_hold_more_; }
    // Whether send() is to be called when the socket is writable, also with nothing new: with TLS it has taken more
    // than the socket.
    [[nodiscard]] bool has_unsent() const { return stream_ != nullptr && stream_->has_unsent(); }
    [[nodiscard]] ReplyStream& replies() { return replies_; }

    // Whether the server took WAITAOF when it was greeted last. While ready.
    [[nodiscard]] bool takes_wait_aof() const { return takes_wait_aof_; }

    // The last failure, printable; holds no password.
    [[nodiscard]] const std::string& failure() const { return failure_; }
    // What was connected to last, over TCP.
    [[nodiscard]] const ServerAddress& server() const { return attempt_.server(); }
    // "host:port" or the socket's path, for sentences; of a name, with the address that was tried last.
    [[nodiscard]] const std::string& peer() const { return peer_; }

  private:
    struct Greeting {
        const char* name;  // for sentences
        const char* tolerated_errors;  // errors that begin so are ignored; null: none are
        bool is_wait_aof = false;
    };

    void enter(State next);
    [[nodiscard]] Step connect_to_next();
    [[nodiscard]] std::expected<void, std::string> begin_connecting();
    void render_greeting(const std::string& password);
    void add_greeting(Greeting greeting, std::initializer_list<std::string_view> words);
    [[nodiscard]] Step finish_connect();
    [[nodiscard]] Step begin_securing();
    [[nodiscard]] Step secure();
    [[nodiscard]] Step begin_greeting();
    void set_socket_options() const;
    [[nodiscard]] Step greet(short revents);
    [[nodiscard]] Step take_answers();
    [[nodiscard]] Step greeting_answered(ReplyStream::Next reply);
    [[nodiscard]] Step tell_tolerated_error();
    [[nodiscard]] Step send_sealed(std::span<const iovec> pieces, std::size_t& sent_bytes);
    [[nodiscard]] Step receive_sealed(std::span<const char>& bytes);
    [[nodiscard]] Step fail_sealed();
    [[nodiscard]] bool is_unanswered() const { return state_ == State::greeting && greetings_answered_count_ == 0; }
    [[nodiscard]] std::string guess() const;
    [[nodiscard]] Step fail(std::string sentence);
    [[nodiscard]] Step fail_with_errno(const char* what, int error_number);

    const RedisSettings settings_;
    const std::shared_ptr<AddressBook> addresses_;
    ConnectAttempt attempt_;
    std::string peer_;
    std::string greeting_bytes_;  // RESP of all greetings
    std::vector<Greeting> greetings_;

    State state_ = State::closed;
    Descriptor socket_;  // open exactly when not `closed`
    std::optional<TlsClient> tls_;  // as the files were at open(); none without TLS
    std::unique_ptr<TlsStream> stream_;  // from `securing` on, with TLS
    bool may_hold_more_ = false;
    std::uint64_t sockets_count_ = 0;
    std::size_t greeting_sent_bytes_ = 0;
    std::size_t greetings_answered_count_ = 0;
    bool takes_wait_aof_ = false;
    std::string tolerated_error_;  // the last one of this greeting
    ReplyStream replies_;
    std::vector<char> receive_buffer_;
    std::string failure_;
};

}  // namespace sluice::sinks::redis
