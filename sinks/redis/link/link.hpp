// Link: the connection to one Redis server, made again whenever it is lost. What the Redis sinks have in common: they
// keep only their windows, and decide what to send and what a reply means.
//
//     waiting ── pause over ──> connecting ──> ready ── established() ──> serving
//        ^──── the attempt failed, or the connection was lost or is late ─────┘
//
// Parts: Session connects and greets, Backoff draws the pauses, and the link keeps the deadlines: of connecting,
// greeting and the sink's own handshake together (connect_timeout_ns), and of replies that are due (reply_timeout_ns).
// Each failure is counted, has a sentence, and sets the time of the next attempt.
//
// Sink thread only. No clock: the time is an argument. Knows no batches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <sys/uio.h>

#include "engine/core/limits.hpp"
#include "sinks/figures.hpp"
#include "sinks/redis/link/backoff.hpp"
#include "sinks/redis/link/connect_timer.hpp"
#include "sinks/redis/link/session.hpp"
#include "sinks/redis/link/settings.hpp"
#include "sinks/redis/resp/error_class.hpp"
#include "sinks/redis/resp/reply_stream.hpp"

namespace sluice::sinks::redis {

class Link {
  public:
    // `figures` outlives the link. The first advance() connects.
    Link(const RedisSettings& settings, LinkFigures& figures);

    // --- connecting ------------------------------------------------------------------------------------
    enum class Event : std::uint8_t {
        none,
        attempt,   // an attempt to connect began
        ready,     // the server has greeted: commands may be sent
        failed,    // it could not connect; failure() says why
        readable,  // ready, and the socket has something: receive()
    };
    // Connects when it is time to, and goes on connecting. `revents`: poll(2)'s, of fd().
    [[nodiscard]] Event advance(short revents, std::uint64_t now_ns);
    // The server serves this sink, after a handshake of the sink's own where it has one. Once for each `ready`. Needs
    // is_ready().
    void established(std::uint64_t now_ns);
    // A handshake of the sink's own succeeded: that counts as much as replies to commands.
    void trust() { backoff_.reset(); }

    [[nodiscard]] bool is_ready() const { return session_.is_ready(); }
    [[nodiscard]] bool is_established() const { return is_established_; }

    // --- losing it -------------------------------------------------------------------------------------
    // Gives the connection up. failure() says `why` then.
    void drop(std::string why, std::uint64_t now_ns);
    // Drops it if the handshake or a reply is late, or if the server is silent and another one is primary by now
    // (settings.has_moved_from). True: it was dropped.
    [[nodiscard]] bool drop_if_late(bool is_reply_due, std::uint64_t now_ns);
    // Drops it: it is silent, and another server is primary by now.
    void drop_as_replaced(std::uint64_t now_ns);
    // Closes it and connects again at `at_ns`, to another address first if the name has several: no failure.
    void reconnect(std::uint64_t at_ns);
    // Closes it. Only advance() opens it again.
    void close();

    // The last failure: one sentence, printable, without a password.
    [[nodiscard]] const std::string& failure() const { return failure_; }
    // When the next attempt is due. While not connected.
    [[nodiscard]] std::uint64_t next_attempt_ns() const { return connect_at_ns_; }

    // --- what the sink's thread waits for --------------------------------------------------------------
    [[nodiscard]] int fd() const { return session_.fd(); }
    // Counts the descriptors so far: a new one may have an old one's number.
    [[nodiscard]] std::uint64_t fd_generation() const { return session_.sockets_count(); }
    [[nodiscard]] short events() const;
    // When advance() or drop_if_late() is wanted although nothing happens; 0: never.
    [[nodiscard]] std::uint64_t deadline_ns(bool is_reply_due) const;
    // The last reply, or the time since which replies are due.
    [[nodiscard]] std::uint64_t progress_ns() const { return progress_ns_; }

    // --- bytes -----------------------------------------------------------------------------------------
    // Sends what the socket takes of `pieces`, maybe nothing; false: the connection was lost.
    [[nodiscard]] bool send(std::span<iovec> pieces, std::size_t& sent_bytes, std::uint64_t now_ns);
    // Replies are due from now on: before, none was.
    void await_replies(std::uint64_t now_ns) { progress_ns_ = now_ns; }

    // Reads replies and gives each to `take(ReplyStream::Next)`, ok or error, which returns whether the connection can
    // be used on: false where no reply was due, or after unusable(). `are_integers_due()`: whether the next reply may
    // consist of integers. False: the connection was lost.
    template <typename Take, typename AreIntegersDue>
    [[nodiscard]] bool receive(std::uint64_t now_ns, Take take, AreIntegersDue are_integers_due);
    template <typename Take>
    [[nodiscard]] bool receive(std::uint64_t now_ns, Take take) {
        return receive(now_ns, std::move(take), [] { return false; });
    }
    // For receive()'s `take` to return: why the connection cannot be used on.
    [[nodiscard]] bool unusable(std::string why) {
        unusable_because_ = std::move(why);
        return false;
    }
    [[nodiscard]] ReplyStream& replies() { return session_.replies(); }

    // --- the server ------------------------------------------------------------------------------------
    // What asks this server whether replicas have all that was written over this connection, as RESP: WAITAOF where it
    // takes that, else WAIT.
    [[nodiscard]] std::string wait_command() const;
    // Whether `reply`, the last one that was read, is an answer to it that counts enough of them.
    [[nodiscard]] bool confirms_replicas(ReplyStream::Next reply);
    // "host:port" or the socket's path; of a name, with the address that was tried last.
    [[nodiscard]] const std::string& peer() const { return session_.peer(); }
    // "Redis at <peer> refuses: <error>"; with a command's name, "refuses <command>: ".
    [[nodiscard]] std::string refusal(std::string_view error, std::string_view command = {}) const {
        return refusal_sentence(peer(), error, command);
    }

  private:
    // Reads per receive(): enough to empty the socket, few enough that sending goes on beside a flood of replies. With
    // TLS until there is no more, which ends: no more replies come than are due.
    static constexpr int receives_count_max = 4;

    [[nodiscard]] Event connect(std::uint64_t now_ns);
    [[nodiscard]] Event go_on_connecting(short revents, std::uint64_t now_ns);
    [[nodiscard]] Event attempt_failed(std::string why, std::uint64_t now_ns);
    void record_failure(std::string why, std::uint64_t now_ns);
    [[nodiscard]] bool read(std::span<const char>& bytes, std::uint64_t now_ns);
    [[nodiscard]] bool lose(ReplyStream::Next reply, std::uint64_t now_ns);
    [[nodiscard]] std::uint64_t suspicious_ns() const;
    [[nodiscard]] bool drop_if_replaced(std::uint64_t now_ns);

    const std::uint64_t reply_timeout_ns_;
    const std::uint64_t backoff_max_ns_;
    const std::uint64_t suspicious_silence_ns_;
    const std::uint32_t replicas_count_;
    const std::uint64_t replicas_timeout_ns_;
    const std::function<bool(const ServerAddress&)> has_moved_from_;
    LinkFigures& figures_;
    Session session_;
    ConnectTimer timer_;  // until established
    Backoff backoff_;

    std::uint64_t connect_at_ns_ = 1;  // closed: when to try; 1: at once (0 would be never, as a deadline)
    std::uint64_t established_ns_ = 0;
    std::uint64_t progress_ns_ = 0;  // while replies are due: the last one, or the first sending
    std::uint64_t asked_for_another_ns_ = 0;  // whether another server is primary by now
    bool is_established_ = false;
    bool is_send_blocked_ = false;  // the socket took less than there was
    bool has_just_asked_ = false;  // for another primary, which may have taken a while
    std::string failure_;
    std::string unusable_because_;
};

template <typename Take, typename AreIntegersDue>
bool Link::receive(std::uint64_t now_ns, Take take, AreIntegersDue are_integers_due) {
    for (int i = 0; i < receives_count_max || session_.may_hold_more(); ++i) {
        std::span<const char> bytes;
        if (!read(bytes, now_ns)) return false;
        bool has_reply = false;
        for (;; has_reply = true) {  // ends: each turn takes a reply out of what was received
            const ReplyStream::Next reply = replies().next(are_integers_due());
            if (reply == ReplyStream::Next::need_more) break;
            if (reply == ReplyStream::Next::broken || !take(reply)) return lose(reply, now_ns);
            progress_ns_ = now_ns;
        }
        if (has_reply && is_established_) backoff_.reset();
        if (bytes.size() < limits::redis_receive_bytes && !session_.may_hold_more()) break;
    }
    return true;
}

}  // namespace sluice::sinks::redis
