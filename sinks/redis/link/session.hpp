// Session: one connection to Redis at a time, from the first connect(2) to the moment commands may be sent.
//
//     closed ── open() ──> connecting ── writable ──> greeting ── all answered ──> ready
//        ^──────────────────── close(), or any failure ─────────────────────────────┘
//
// The greeting is AUTH and SELECT where configured, CLIENT SETNAME (a failure is ignored), WAITAOF where
// replicas are wanted (its reply shows whether this server has it and appends to a file, else WAIT does) and PING,
// which tells at once of a server that is loading or wants a password: sent together, answered in order.
//
// hiredis resolves and connects; after that the session owns the plain descriptor and hiredis' context is
// gone, because its output buffer would copy every arena once more. Resolving a host name blocks
// (getaddrinfo): that holds up this sink's thread alone, never a reactor, and only while there is nothing
// to send to anyway. An address instead of a name does not block.
//
// Sink thread only. Does not know batches; does not reconnect by itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/uio.h>

#include "engine/core/descriptor.hpp"
#include "sinks/redis/link/settings.hpp"
#include "sinks/redis/resp/reply_stream.hpp"

namespace sluice::sinks::redis {

class Session {
  public:
    explicit Session(const RedisSettings& settings);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    enum class State : std::uint8_t { closed, connecting, greeting, ready };  // one after the other; closed from each
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] bool is_ready() const { return state_ == State::ready; }

    // What a step came to. After `failed` the session is closed and failure() says why, in one sentence.
    enum class Step : std::uint8_t { going_on, failed };

    // Begins to connect. Needs state closed.
    [[nodiscard]] Step open();
    // Goes on connecting and greeting, given poll(2)'s `revents` of fd(). Needs connecting or greeting.
    [[nodiscard]] Step advance(short revents);
    void close();

    [[nodiscard]] int fd() const { return socket_.get(); }
    // poll(2) events that advance() waits for.
    [[nodiscard]] short events() const;

    // Sends what the socket takes of `pieces`, and writes to `sent_bytes` how much that was (maybe 0).
    [[nodiscard]] Step send(std::span<iovec> pieces, std::size_t& sent_bytes);
    // Receives once. going_on with nothing received if there is nothing to read. `bytes` are valid until the next
    // call; give them to replies().
    [[nodiscard]] Step receive(std::span<const char>& bytes);
    [[nodiscard]] ReplyStream& replies() { return replies_; }

    // Whether the server took WAITAOF when it was greeted last. While ready.
    [[nodiscard]] bool takes_wait_aof() const { return takes_wait_aof_; }

    // The last failure, printable; holds no password.
    [[nodiscard]] const std::string& failure() const { return failure_; }
    // What was connected to last, over TCP.
    [[nodiscard]] ServerAddress server() const { return {host_, port_}; }
    // "host:port" or the socket's path, for sentences.
    [[nodiscard]] const std::string& peer() const { return peer_; }

  private:
    struct Greeting {
        const char* name;  // for sentences
        const char* tolerated_errors;  // errors that begin so are ignored; null: none are
        bool is_wait_aof = false;
    };

    void enter(State next);
    void render_greeting(const RedisSettings& settings);
    void add_greeting(Greeting greeting, std::initializer_list<std::string_view> words);
    [[nodiscard]] Step finish_connect();
    void set_socket_options() const;
    [[nodiscard]] Step greet(short revents);
    [[nodiscard]] Step greeting_answered(ReplyStream::Next reply);
    [[nodiscard]] Step fail(std::string sentence);
    [[nodiscard]] Step fail_with_errno(const char* what, int error_number);

    const std::function<std::expected<ServerAddress, std::string>()> find_server_;
    std::string host_;  // what find_server_ said last, if there is one
    const std::string path_;
    std::uint16_t port_;
    const int send_buffer_bytes_;
    std::string peer_;
    std::string greeting_bytes_;  // RESP of all greetings
    std::vector<Greeting> greetings_;

    State state_ = State::closed;
    Descriptor socket_;  // open exactly when not `closed`
    bool prefers_ipv6_ = false;  // changes with each attempt: a name may lead to both, Redis listen on one
    std::size_t greeting_sent_bytes_ = 0;
    std::size_t greetings_answered_count_ = 0;
    bool takes_wait_aof_ = false;
    ReplyStream replies_;
    std::vector<char> receive_buffer_;
    std::string failure_;
};

}  // namespace sluice::sinks::redis
