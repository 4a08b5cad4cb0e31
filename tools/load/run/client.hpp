// Client: the HTTP side of one load thread. Keeps connections open, sends what it is told to, reads responses, and
// counts each request's end exactly once: as a response, or under one fault.
//
// The Pacer decides when to send. A request that is issued is written into the buffer of its connection at once.
// flush() sends it, with one send for each connection, and takes its time of sending. With TLS (TlsLink) it is sealed
// on the way.
//
// One load thread.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/core/slot.hpp"
#include "engine/io/client_loop.hpp"
#include "engine/io/timer_wheel.hpp"
#include "engine/tls/client_context.hpp"
#include "tools/load/run/body_check.hpp"
#include "tools/load/run/deadline_queue.hpp"
#include "tools/load/run/recorder.hpp"
#include "tools/load/run/request_source.hpp"
#include "tools/load/run/response_reader.hpp"
#include "tools/load/run/tls_link.hpp"

namespace sluice::load {

// Decides when requests are sent. Called by the client; all times are monotonic, in ns.
class Pacer {
  public:
    virtual void on_room(Slot slot, std::uint64_t now_ns) = 0;  // the connection can take a request
    // A request has ended. on_room() is called separately.
    virtual void on_finished(Slot slot, std::uint64_t now_ns) = 0;
    // No connection could be made. The pacer fails a request that waits for it with Client::fail_unsent().
    virtual void on_connect_failed(Slot slot, Fault fault, std::uint64_t now_ns) = 0;

  protected:
    ~Pacer() = default;
};

struct ServerAddress {
    sockaddr_storage bytes{};
    socklen_t bytes_count = 0;
};

struct ClientSettings {
    std::vector<ServerAddress> addresses;  // connections take them in turn
    std::uint32_t connections_count = 1;
    std::uint32_t pipeline_depth = 1;
    std::uint64_t requests_per_connection_max = 0;
    std::uint64_t timeout_ns = 0;
    const tls::ClientContext* tls = nullptr;  // outlives the client; null: http://
};

// Told of each request that was acknowledged with a 2xx, on the load thread.
using OnAcknowledged = std::function<void(const RequestIdentity&)>;

class Client final : private io::ClientEvents {
  public:
    Client(const ClientSettings& settings, RequestSource& source, Recorder& recorder, Pacer& pacer);
    ~Client();

    // Makes the ring, on the thread that will run it.
    [[nodiscard]] std::expected<void, io::LoopError> open();
    void on_acknowledged(OnAcknowledged callback) { on_acknowledged_ = std::move(callback); }

    void connect(Slot slot);
    [[nodiscard]] bool is_idle(Slot slot) const { return connections_[slot].state == State::none; }
    [[nodiscard]] bool has_room(Slot slot) const;
    // Needs room. `intended_ns` is when the request should have been sent.
    void issue(Slot slot, std::uint64_t intended_ns);
    // Counts a request that could not be sent.
    void fail_unsent(Fault fault, std::uint64_t intended_ns);

    // Sends what was issued, waits for an event until `deadline_ns` at most, and handles what came. `spin_ns`: see
    // ClientLoop.
    void run_once(std::uint64_t deadline_ns, std::uint64_t spin_ns = 0);
    // No new connections are made from here on.
    void stop_connecting() { may_connect_ = false; }
    // Ends each connection that has requests in flight, which fail.
    void give_up(Fault fault);

    [[nodiscard]] std::uint64_t spun_ns() const { return loop_->spun_ns(); }
    [[nodiscard]] std::uint32_t in_flight_count() const { return in_flight_count_; }
    // When the last response was complete; 0: none was.
    [[nodiscard]] std::uint64_t answered_ns() const { return answered_ns_; }
    [[nodiscard]] std::uint32_t connected_count() const { return connected_count_; }
    [[nodiscard]] std::uint32_t connecting_count() const { return connecting_count_; }
    // Of the slots that began to connect before `ns`: how many there are, and how many of them ever had a connection.
    struct Served {
        std::uint32_t wanted_count = 0, connected_count = 0;
    };
    [[nodiscard]] Served served_before(std::uint64_t ns) const;
    // Why the last attempt failed, as a clause; empty if none did.
    [[nodiscard]] std::string last_connect_failure() const;
    // Null: http://.
    [[nodiscard]] const TlsLink* tls() const { return tls_.get(); }

  private:
    //   none → connecting → ready → closing → none, or → waiting (to try again) → connecting
    enum class State : std::uint8_t { none, connecting, ready, closing, waiting };

    struct Exchange {
        std::uint64_t intended_ns, sendable_ns, sent_ns;
        RequestIdentity identity;
        std::uint32_t bytes;
        std::uint16_t endpoint;
    };
    struct Connection {
        State state = State::none;
        bool reconnects = false;  // after it is closed
        bool is_sending = false;  // a send with notice is in flight
        bool is_queued = false;  // in dirty_
        bool was_connected = false;
        std::uint8_t failures_count = 0;  // attempts since the last that carried a request; saturates
        std::uint32_t exchange_first = 0;  // in the ring of pipeline_depth exchanges
        std::uint32_t in_flight_count = 0;  // issued and not ended
        std::uint32_t unsent_count = 0;  // of those, not sent yet: the last ones
        std::uint64_t issued_count = 0;  // on this connection
        std::uint64_t first_attempt_ns = 0;  // 0: none yet
        std::uint64_t sendable_ns = 0;  // since when the next request could have been sent
        std::uint64_t wait_begin_ns = 0, wait_end_ns = 0;  // the last State::waiting
        std::size_t out_begin = 0, out_end = 0;  // unsent bytes in the connection's buffer
        std::size_t unanswered_bytes = 0;
        ResponseState response;
    };

    void on_connected(Slot slot) override;
    void on_bytes(Slot slot, std::span<const char> bytes) override;
    void on_sent(Slot slot) override;
    void on_ended(Slot slot) override;
    void on_failed(Slot slot, int error) override;
    void on_closed(Slot slot) override;

    void flush();
    void flush(Slot slot, std::uint64_t now_ns);
    void expire(std::uint64_t now_ns);
    void retry(Slot slot, std::uint64_t now_ns);
    void finish(Slot slot, const ResponseReader::Result& result, std::uint64_t done_ns);
    [[nodiscard]] Ending judge(const Exchange& exchange, const ResponseReader::Result& result, std::uint64_t done_ns);
    static void count_failure(Connection& connection);
    [[nodiscard]] static std::uint64_t backed_off_ns(const Connection& connection, std::uint64_t intended_ns);
    void break_off(Slot slot, Fault fault);
    void close(Slot slot, bool reconnects);
    void connect_failed(Slot slot, int error);
    void end_socket(Slot slot);
    void mark_dirty(Slot slot);
    [[nodiscard]] std::uint32_t exchange_place(Slot slot, std::uint32_t index) const;
    [[nodiscard]] Exchange& exchange(Slot slot, std::uint32_t index) { return exchanges_[exchange_place(slot, index)]; }
    [[nodiscard]] bool is_worn_out(const Connection& connection) const;
    [[nodiscard]] char* buffer(Slot slot) { return buffers_.get() + slot * buffer_bytes_; }

    ClientSettings settings_;
    RequestSource& source_;
    Recorder& recorder_;
    Pacer& pacer_;
    OnAcknowledged on_acknowledged_;
    ResponseReader reader_;
    std::unique_ptr<TlsLink> tls_;
    std::unique_ptr<io::ClientLoop> loop_;
    io::TimerWheel wheel_;  // of State::waiting
    DeadlineQueue connect_deadlines_;  // of slots in State::connecting
    DeadlineQueue answer_deadlines_;  // of exchanges that are sent and not ended
    std::vector<Connection> connections_;
    std::vector<Exchange> exchanges_;
    std::size_t request_bytes_max_, buffer_bytes_, quiet_bytes_max_;
    std::unique_ptr<char[]> buffers_;
    std::vector<Slot> dirty_;
    std::uint32_t in_flight_count_ = 0, connected_count_ = 0, connecting_count_ = 0;
    std::uint32_t waiting_count_ = 0;  // in State::waiting, and in wheel_
    std::uint32_t next_address_index_ = 0;
    std::uint64_t answered_ns_ = 0;
    int last_connect_error_ = 0;
    bool may_connect_ = true;
};

}  // namespace sluice::load
