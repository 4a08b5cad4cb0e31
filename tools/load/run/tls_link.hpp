// TlsLink: TLS between the loop of a load thread and its Client: sealed bytes on one side, plain ones on the other. A
// run of http:// has none.
//
//     TCP connected ──→ handshaking ── done: on_connected() ──→ open ── close() ──→ closing ──→ (closed)
//                            └─────────────── failed: on_failed(failed_errno) ───────┘
//
// The Client hears of a connection when its handshake is complete. A handshake's time begins when TCP is connected and
// ends with the last message that the client has to verify; so it holds the client's own work.
//
// Sealed bytes stay where they are until the server has answered a request of theirs, as the loop asks for (Notice):
// each slot has room for three times the longest batch of requests, like the Client's own buffers. What handshakes send
// is in the slot's flight until it is closed.
//
// One load thread.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/slot.hpp"
#include "engine/io/client_loop.hpp"
#include "engine/tls/client_context.hpp"
#include "engine/tls/client_session.hpp"
#include "tools/load/result/results.hpp"
#include "tools/load/run/recorder.hpp"

namespace sluice::load {

struct TlsLinkSettings {
    std::uint32_t slots_count = 1;
    std::size_t batch_bytes_max = 0;  // plain bytes of the requests in flight on a connection
    std::uint32_t batch_sends_count_max = 1;  // calls of send() that they are handed over in
};

class TlsLink final : public io::ClientEvents {
  public:
    // What on_failed() says of a failure of TLS. No call on a TCP socket fails with it.
    static constexpr int failed_errno = EPROTO;

    // All of them outlive it.
    TlsLink(const tls::ClientContext& context, const TlsLinkSettings& settings, Recorder& recorder,
            io::ClientEvents& client);
    ~TlsLink();

    // Before anything else: the loop that calls this.
    void set_loop(io::ClientLoop& loop) { loop_ = &loop; }

    // As those of the loop. Returns when the bytes were sealed, in monotonic ns.
    [[nodiscard]] std::uint64_t send(Slot slot, std::span<const char> plain, io::Notice notice);
    void close(Slot slot);
    // Between calls of the loop: tells of sessions that broke in send().
    void tell_broken();
    // A connection was not there in time: the errno to say so. It counts as a failure of TLS if TCP was connected.
    [[nodiscard]] int count_late(Slot slot);

    // Different sentences, each with how often it was the reason; some twenty at most.
    [[nodiscard]] const std::vector<TlsFigures::Failure>& failures() const { return failures_; }
    // Of the last failure. Empty: there was none.
    [[nodiscard]] const std::string& last_failure() const { return last_failure_; }
    // Of the first connection; see TlsFigures.
    [[nodiscard]] const std::string& agreed() const { return agreed_; }

  private:
    struct Link {
        std::unique_ptr<tls::ClientSession> session;  // null: TCP is not connected
        tls::TicketPtr ticket;  // of the session before, to be resumed
        std::string flight;  // what was sent last beside requests
        std::uint64_t begin_ns = 0;  // of the handshake
        std::size_t end = 0;  // of what was sealed last, in the slot's room
        bool is_sending = false;  // a send with notice is in flight
        bool is_closing = false;
    };

    void on_connected(Slot slot) override;
    void on_bytes(Slot slot, std::span<const char> sealed) override;
    void on_sent(Slot slot) override;
    void on_ended(Slot slot) override;
    void on_failed(Slot slot, int error) override;
    void on_closed(Slot slot) override;

    void shake_hands(Slot slot);
    void pass_on(Slot slot);
    void send_flight(Link& link, Slot slot);
    void fail(Slot slot);
    void fail(Slot slot, const std::string& sentence);
    void note(const std::string& sentence);
    [[nodiscard]] bool is_shaking_hands(Slot slot) const {
        return links_[slot].session != nullptr && !links_[slot].session->is_open();
    }
    [[nodiscard]] char* room_of(Slot slot) { return rooms_.get() + slot * 3 * batch_sealed_bytes_max_; }

    const tls::ClientContext& context_;
    Recorder& recorder_;
    io::ClientEvents& client_;
    io::ClientLoop* loop_ = nullptr;
    std::size_t batch_sealed_bytes_max_;
    std::unique_ptr<char[]> rooms_;  // of sealed requests
    std::vector<char> plain_;  // of the record that is passed on
    std::vector<Link> links_;
    std::vector<Slot> broken_;
    std::vector<TlsFigures::Failure> failures_;
    std::string last_failure_, agreed_;
};

// A failure of a session as a sentence of sluice-load, with what may be done about it.
[[nodiscard]] std::string tls_failure_sentence(tls::ClientFailure failure, std::string_view text);

}  // namespace sluice::load
