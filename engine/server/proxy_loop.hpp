// ProxyLoop: a Loop whose connections begin with a header of the PROXY protocol. It stands right above the loop of the
// kernel, below TLS. A server without `proxy.protocol` has none.
//
//     awaiting ── header ──→ passed ──→ (closed)
//         └── untrusted, faulty, late, gone: closed, and the server never hears of it
//
// The server hears of a connection when its header is there, so all that it does with addresses is done with the
// client's. Only a peer in proxy.trusted may send a header; another is closed when it is accepted. So nobody else can
// take up places by waiting.
//
// The thread of its server, but for wake().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/core/lazy_array.hpp"
#include "engine/io/loop.hpp"
#include "engine/log/log.hpp"
#include "engine/server/address_counters.hpp"
#include "engine/server/address_settings.hpp"
#include "engine/server/slot_queue.hpp"
#include "parsers/proxy/proxy_header.hpp"

namespace sluice {

class ProxyLoop final : public io::Loop, private io::Events {
  public:
    // How long a header may take once the server listens no more.
    static constexpr std::uint64_t drain_grace_ns = 1'000'000'000;

    // `counters` and `events` outlive it.
    ProxyLoop(const io::LoopSettings& loop, const AddressSettings& settings, AddressCounters& counters,
              io::Events& events);
    ~ProxyLoop() override;

    // What the loop below calls. Once, before anything else: that loop.
    [[nodiscard]] io::Events& events_below() { return *this; }
    void set_loop(std::unique_ptr<io::Loop> loop) { loop_ = std::move(loop); }

    // Whether the proxy has not said whom an open slot is for.
    [[nodiscard]] bool is_anonymous(Slot slot) const { return !connections_[slot].has_source; }

    void listen(std::span<const int> listeners_fd) override { loop_->listen(listeners_fd); }
    void stop_listening() override;
    [[nodiscard]] bool is_listening() const override { return loop_->is_listening(); }
    void send(Slot slot, std::span<const char> bytes) override { loop_->send(slot, bytes); }
    void pause_receive(Slot slot) override { loop_->pause_receive(slot); }
    void resume_receive(Slot slot) override { loop_->resume_receive(slot); }
    void check_input(Slot slot) override { loop_->check_input(slot); }
    void shutdown_send(Slot slot) override { loop_->shutdown_send(slot); }
    void close(Slot slot) override;
    // The client, as the header tells it; else the proxy.
    [[nodiscard]] std::string peer_of(Slot slot) override;
    [[nodiscard]] std::optional<std::uint64_t> unread_bytes(Slot slot) override { return loop_->unread_bytes(slot); }
    void run_once(std::uint64_t deadline_ns) override;
    void wake() override { loop_->wake(); }
    [[nodiscard]] const io::LoopCounters& counters() const override { return loop_->counters(); }
    [[nodiscard]] bool is_full() const override { return loop_->is_full(); }
    void forget_longest_iteration() override { loop_->forget_longest_iteration(); }
    [[nodiscard]] const std::string& mode() const override { return loop_->mode(); }

  private:
    // Zero is none. `closing`: the loop below was asked to close it; `passed` or not, only on_closed comes.
    enum class State : std::uint8_t { none, awaiting, passed, closing };

    struct Connection {
        SlotQueueNode node;  // in waiting_
        std::string* begun;  // what has come of a header that is not whole; null: nothing
        IpAddress source;
        std::uint16_t source_port;
        io::ListenerIndex listener;
        State state;
        bool has_source;  // the header told one
        bool is_known;    // to the server
    };

    void on_open(Slot slot, io::ListenerIndex listener) override;
    void on_bytes(Slot slot, std::span<const char> bytes) override;
    void on_end_of_stream(Slot slot) override;
    void on_input_checked(Slot slot, bool is_empty) override { events_.on_input_checked(slot, is_empty); }
    void on_sent(Slot slot) override { events_.on_sent(slot); }
    void on_failed(Slot slot) override;
    void on_closed(Slot slot) override;
    void on_iteration(std::uint64_t now_ns) override;
    void on_iteration_end() override { events_.on_iteration_end(); }

    [[nodiscard]] auto nodes() {
        return [this](Slot slot) -> SlotQueueNode& { return connections_[slot].node; };
    }
    void on_header_bytes(Slot slot, std::span<const char> bytes);
    void pass(Slot slot, const parsers::ProxyHeader& header, std::span<const char> rest);
    void refuse(Slot slot, ProxyOutcome outcome);
    void log_refusal(Slot slot, ProxyOutcome outcome);
    void leave_waiting(Slot slot);
    void expire();
    [[nodiscard]] std::uint64_t next_deadline_ns() const;

    const AddressSettings settings_;
    AddressCounters& counters_;
    io::Events& events_;
    LazyArray<Connection> connections_;
    SlotQueue waiting_;  // for a header
    std::uint64_t patience_ns_;
    std::uint64_t now_ns_ = 0;  // begin of this iteration
    log::RateLimited refusal_log_;
    std::unique_ptr<io::Loop> loop_;  // last: destroyed first
};

}  // namespace sluice
