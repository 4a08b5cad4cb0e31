// Connection: one HTTP/1.1 connection, sans I/O. Bytes go in, requests go to the application, response bytes come
// out. No descriptor, no ring, no clock: the server hands over the time, and asks what to do next.
//
//              ┌──────────── keep-alive ───────────┐
//              v                                   │
//   closed → open ── last request read ──→ finishing ── all answers sent ──→ lingering ──→ closing → closed
//              └── framing error, timeout ──^  (half-closed; input is discarded)             ^
//              └───────────── client gone, out of memory: from any state ────────────────────┘
//
// `open` reads requests. `finishing` reads none any more, but has answers to give. `lingering` waits for the
// client to see the end: closing at once with unread input would send RST and destroy the answer on its way. `closing`
// wants the server to close the socket now.
//
// A request that its head alone refuses is answered before its body is there. What the client sends of that body
// is then read and discarded (RFC 9112 section 9.3: read it, or close; what is left would be taken for a request), if
// it is small; else the answer says Connection: close and the connection lingers, so that the answer is not lost by a
// reset (section 9.6). The same if the client waits for 100-continue, because it may or may not send the body.
//
// Back-pressure: while too many requests wait for their answer, or the application has borrowed a body, or the client
// does not read what it is sent, no further request is parsed; bytes that arrived already wait in `stash_`, and the
// server stops receiving.
//
// An end that the server brings about (the idle time is over, a drain) never meets a request unread: the connection
// asks first whether input waits (awaits_input_check()), and ends only if there is none (on_input_empty()). While
// answers are to say Connection: close (`Phase`), the answer of the last request is held back until that is known,
// because a request behind it is answered, too, and only the last answer says it.
//
// Zero bytes are a closed connection, so a table of them costs nothing until used. What a request needs
// (its head, its body) is lent by pools from its first byte to its last: an idle connection holds nothing else.
//
// The thread of its server.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "engine/core/limits.hpp"
#include "engine/http/application.hpp"
#include "engine/http/block_pool.hpp"
#include "engine/http/body_pool.hpp"
#include "engine/http/head_pool.hpp"
#include "engine/http/pending.hpp"
#include "engine/http/renderer.hpp"
#include "parsers/http/http_parser.hpp"

namespace sluice::http {

struct HttpSettings {
    std::uint64_t body_bytes_max;
    std::uint64_t header_timeout_ns;
    std::uint64_t body_timeout_ns;
    std::uint64_t idle_timeout_ns;
    std::uint64_t write_timeout_ns;  // how long a client may read nothing of what waits for it
    std::uint64_t answer_timeout_ns;  // from a request's last byte, or the end of reading a lent body, to its answer
    // From the beginning of a drain: how long a request that is only half there may take to arrive, and what a client
    // has sent ahead may take to be answered.
    std::uint64_t drain_patience_ns = 1'000'000'000;
};

// Of a server, in this order. See docs/drain.md.
enum class Phase : std::uint8_t {
    serving,
    lame_duck,  // as serving, but each connection ends with the answers to what has arrived
    draining,  // the same; connections without a request end, too
};

struct RequestCounters {
    std::uint64_t requests = 0;
    std::uint64_t refusals[refusals_count] = {};  // requests refused as a whole, by reason

    void add(const RequestCounters& other) {
        requests += other.requests;
        for (std::size_t i = 0; i < refusals_count; ++i) refusals[i] += other.refusals[i];
    }
};

struct HttpCounters {
    ByFormat<RequestCounters> formats;
    std::uint64_t responses[6] = {};  // by status class: responses[2] counts 2xx
    std::uint64_t idle_timeouts = 0;
    std::uint64_t write_timeouts = 0;
    std::uint64_t aborted_connections = 0;  // out of blocks or memory: closed without an answer

    void count(const Response& response, std::uint16_t status) {
        ++responses[status / 100];
        if (response.is_refusal()) ++formats[response.format()].refusals[static_cast<std::size_t>(response.refusal())];
    }
    // Of all formats.
    [[nodiscard]] RequestCounters total() const {
        RequestCounters total;
        for (const RequestCounters& counters : formats) total.add(counters);
        return total;
    }
};

// What all connections of a server share. Owned by the server; one thread.
struct Context {
    const HttpSettings& settings;
    BlockPool& blocks;
    BodyPool& bodies;
    HeadPool& heads;
    PendingTable& pendings;
    ResponseRenderer& renderer;
    Application& application;
    HttpCounters& counters;
    std::uint64_t now_ns = 0;
    Phase phase = Phase::serving;
    std::uint64_t drain_begin_ns = 0;
};

class Connection {
  public:
    enum class State : std::uint8_t { closed, open, finishing, lingering, closing };

    // Unsent response bytes at which a connection stops reading requests.
    static constexpr std::uint64_t output_high_water_bytes = limits::output_high_water_bytes;
    // How long a half-closed connection waits for the client to close.
    static constexpr std::uint64_t linger_ns = 2'000'000'000;
    // While draining: from its opening, how long a connection may take to begin its first request. From the beginning
    // of the drain, how long a client that never stops sending may go on, unless it has sent more than could be taken:
    // then it is HttpSettings::drain_patience_ns.
    static constexpr std::uint64_t drain_grace_ns = 1'000'000'000;

    // --- events, from the server -----------------------------------------------------------------
    // `listener_role_number` comes with each request.
    void open(Context& context, Slot slot, std::uint8_t listener_role_number = 0);
    // At least BodyPool::padding_bytes are readable behind `bytes`.
    void on_bytes(Context& context, std::span<const char> bytes);
    void on_end_of_stream(Context& context);
    void on_block_sent(Context& context);
    // The pending request `index` of this connection was decided.
    void on_ready(Context& context, PendingIndex index);
    // The application no longer needs the body that it has kept (Decision::later_with_body).
    void take_body_back(Context& context);
    // deadline_ns() has passed; after on_unread_bytes() if is_sending().
    void on_deadline(Context& context);
    // What the kernel holds of the bytes sent, see io::Loop::unread_bytes().
    void on_unread_bytes(const Context& context, std::optional<std::uint64_t> bytes);
    // Reads on from the stash if back-pressure has ended.
    void resume(Context& context);
    // The server ends without waiting any longer: requests without an answer are answered as overdue, one that is half
    // there is refused, and the connection ends.
    void give_up(Context& context);
    // awaits_input_check() was true, and the kernel has nothing for this connection.
    void on_input_empty(Context& context);
    // The socket is gone: gives everything back.
    void release(Context& context);

    // --- questions, from the server ----------------------------------------------------------------
    [[nodiscard]] State state() const { return state_; }
    // The next block to send; null while one is in flight or there is none. The block stays the connection's.
    [[nodiscard]] OutputBlock* start_sending(const Context& context);
    [[nodiscard]] bool is_sending() const { return sending_ != nullptr; }
    [[nodiscard]] bool must_close() const { return state_ == State::closing; }
    // Everything is answered and sent, and no request may follow: half-close now (once).
    [[nodiscard]] bool takes_half_close(const Context& context);
    [[nodiscard]] bool wants_input() const { return stash_bytes_ == 0 && !has_client_ended_; }
    [[nodiscard]] bool has_stash() const { return stash_bytes_ != 0; }
    // Whether it would end if it were known that no input waits in the kernel: see on_input_empty(). To be asked after
    // events of the connection while the phase is not `serving`, and when deadline_ns() has passed.
    [[nodiscard]] bool awaits_input_check(const Context& context) const;
    // When on_deadline() is wanted (monotonic).
    [[nodiscard]] std::uint64_t deadline_ns(const Context& context) const;
    [[nodiscard]] bool is_idle() const {
        return is_between_requests() && pending_count_ == 0 && output_.empty() && sending_ == nullptr;
    }

  private:
    class BodyCollector;

    // What becomes of the body of the request that is being read, or was read last.
    enum class BodyUse : std::uint8_t {
        collected,  // for the request
        awaits_continue,  // the same; the client waits for 100 Continue, which it has not been told yet
        discarded,  // the request was refused by its head
        lent,  // the application has it; nothing else is read
    };

    void transition(State next);
    [[nodiscard]] bool is_between_requests() const { return !parser_.is_in_request() && stash_bytes_ == 0; }
    [[nodiscard]] bool has_gone_on_for_too_long(const Context& context) const;
    [[nodiscard]] bool holds_answer_back(const Context& context) const;
    [[nodiscard]] std::uint64_t idle_deadline_ns(const Context& context) const;
    [[nodiscard]] std::uint64_t request_deadline_ns(const Context& context) const;
    [[nodiscard]] bool is_blocked(const Context& context) const;
    std::size_t consume(Context& context, std::span<const char> bytes);
    void stash(Context& context, std::span<const char> bytes);
    void on_head(Context& context);
    void on_head_without_body(Context& context);
    [[nodiscard]] bool refuse_head(Context& context, bool may_discard);
    void end_discarding(Context& context);
    void dispatch(Context& context);
    void end_with(Pending& pending);
    void refuse(Context& context, Refusal refusal);
    void make_refusal(Context& context, Refusal refusal, Response& response) const;
    [[nodiscard]] PendingIndex take_pending(Context& context);
    void enqueue(Context& context, PendingIndex index);
    void decide(Context& context, Pending& pending);
    void flush_ready(Context& context);
    void time_out_pendings(Context& context, std::uint64_t wait_begin_ns_max);
    void answer_first(Context& context);
    void abort(Context& context);
    void close_now();

    [[nodiscard]] std::optional<Refusal> collect(Context& context, std::span<const char> bytes);
    [[nodiscard]] std::optional<Refusal> discard(const Context& context, std::size_t bytes);
    [[nodiscard]] bool reserve_body(Context& context, std::size_t bytes);
    [[nodiscard]] bool keep_partial_body(Context& context);
    void drop_body(Context& context);
    [[nodiscard]] Request request_of(std::uint64_t received_ns) const;

    parsers::HttpParser parser_;
    parsers::RequestHead* head_;  // while a request is being read
    std::span<const char> body_view_;  // of the current request, where it lies in the received bytes
    BodyBlock body_;  // or collected
    std::size_t body_bytes_;  // in body_; while discarding: so far discarded
    Output output_;
    OutputBlock* sending_;  // in flight
    BodyBlock stash_;
    std::size_t stash_begin_;  // stash_.data[stash_begin_, stash_begin_ + stash_bytes_) waits
    std::size_t stash_bytes_;
    PendingIndex pending_first_;
    PendingIndex pending_last_;
    std::uint32_t pending_count_;
    Slot slot_;
    std::uint64_t request_begin_ns_;  // first byte of the request that is being read, or was last; 0: none ever came
    std::uint64_t head_complete_ns_;
    std::uint64_t last_activity_ns_;
    std::uint64_t send_begin_ns_;  // of the block in flight; later: the last look at it
    std::uint64_t look_ns_;  // the last look at a block in flight; 0: none ever was
    std::uint64_t unread_bytes_;  // that it saw
    std::uint64_t read_ns_;  // when the client read last, as far as looks at this block have told
    std::uint64_t linger_begin_ns_;
    State state_;
    BodyUse body_use_;
    std::uint8_t listener_role_number_;
    bool has_stashed_;  // ever
    bool has_client_ended_;  // its end of stream was seen
};

static_assert(sizeof(Connection) <= 512, "10,000 idle connections must cost less than 1 KiB each");

}  // namespace sluice::http
