// Server: joins a Loop (sockets) with Connections (HTTP). One thread; each reactor has one, and so has the admin
// thread.
//
// In one iteration: events feed connections, connections feed the application and fill their outputs, and at the end
// every connection that has something to say sends it, in one send for all its responses. The owner steps in between
// through `Callbacks`: it takes completions in, and hands batches over, before responses leave.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/http/connection.hpp"
#include "engine/io/backend.hpp"
#include "engine/io/loop.hpp"
#include "engine/io/timer_wheel.hpp"
#include "engine/metrics/latency_histogram.hpp"
#include "engine/server/address_counters.hpp"
#include "engine/server/address_settings.hpp"
#include "engine/server/listener.hpp"
#include "engine/server/tls_settings.hpp"

namespace sluice {

class ProxyLoop;
class TlsLoop;

struct ServerSettings {
    http::HttpSettings http;
    io::Backend backend;
    io::LoopSettings loop;
    std::uint64_t body_memory_bytes;
    std::vector<http::PreparedResponse> prepared;  // what Response::use_prepared() may name
    AddressSettings addresses{};
    http::CorsOrigins cors{};  // what Response::set_cors() may name
};

class Server final : private io::Events {
  public:
    // What the owner of the server does in each iteration. Called on the server's thread.
    class Callbacks {
      public:
        virtual void take_completions() = 0;
        // Whether a lame duck or a drain is about to begin. Asked after a pause of the loop, so it may cost a system
        // call.
        [[nodiscard]] virtual bool is_to_stop() { return false; }
        virtual void read_bodies() {}  // after the requests that came in this iteration
        virtual void hand_over(std::uint64_t now_ns) = 0;  // after the last request of the iteration

      protected:
        ~Callbacks() = default;
    };

    Server(const ServerSettings& settings, http::Application& application, Callbacks& callbacks);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // On the thread that will run it. Serves all `listeners`, at most limits::listeners_count_max; none: see listen().
    // `tls`: for those that speak TLS.
    [[nodiscard]] std::expected<void, io::LoopError> open(std::vector<Listener> listeners, TlsSettings tls = {});
    // The same with a loop of another kind.
    using LoopFactory =
        std::function<std::expected<std::unique_ptr<io::Loop>, io::LoopError>(const io::LoopSettings&, io::Events&)>;
    [[nodiscard]] std::expected<void, io::LoopError> open(std::vector<Listener> listeners, const LoopFactory& make_loop,
                                                          TlsSettings tls = {});

    // The same for a server that was opened without listeners. Once.
    void listen(std::vector<Listener> listeners);

    // Of its loop, if that is on io_uring.
    [[nodiscard]] std::uint64_t locked_bytes() const { return io::locked_bytes_of(settings_.loop); }

    // One iteration: waits for events, until `deadline_ns` at most (monotonic; 0: no limit).
    void run_once(std::uint64_t deadline_ns);
    // Any thread.
    void wake() {
        if (io::Loop* loop = open_loop_.load(std::memory_order_acquire)) loop->wake();
    }

    // A request that the application did not decide at once: its response, to be made and then completed. Null when the
    // request is gone.
    [[nodiscard]] http::Response* find(RequestRef ref) {
        http::Pending* pending = pendings_.find(ref);
        return pending == nullptr ? nullptr : &pending->response;
    }
    void complete(RequestRef ref);
    // The application has read the body that it kept (Decision::later_with_body): the connection reads on.
    void take_body_back(RequestRef ref);

    // Goes on as before, but each connection ends with its next answer, which says Connection: close.
    void begin_lame_duck();
    // The same; accepts who waits in the backlogs, then closes the listeners; and ends connections without a request.
    // What lies in the kernel is read and answered before its connection ends.
    void drain();
    // Ends all connections with what can be answered now. What the clients have not read after some more iterations is
    // lost with the server.
    void give_up();
    // After drain(): the listeners are closed, and there is no connection any more.
    [[nodiscard]] bool is_drained() const { return listeners_.empty() && !has_connections(); }
    [[nodiscard]] bool has_connections() const { return loop_->counters().open_slots != 0; }

    [[nodiscard]] std::uint64_t now_ns() const { return context_.now_ns; }
    [[nodiscard]] const http::HttpCounters& http_counters() const { return counters_; }
    [[nodiscard]] http::HttpCounters& http_counters() { return counters_; }
    [[nodiscard]] const io::LoopCounters& loop_counters() const { return loop_->counters(); }
    [[nodiscard]] const AddressCounters& address_counters() const { return address_counters_; }
    [[nodiscard]] AddressCounters& address_counters() { return address_counters_; }
    // Null: no listener may speak TLS.
    [[nodiscard]] TlsLoop* tls() { return tls_; }
    // What each iteration took, from one wait to the next.
    [[nodiscard]] const LatencyHistogram& iterations() const { return iterations_; }
    void forget_iterations() {
        loop_->forget_longest_iteration();
        iterations_.reset();
    }
    [[nodiscard]] const std::string& mode() const { return loop_->mode(); }
    // See Loop::peer_of(). Behind a header of the PROXY protocol: the address that this tells.
    [[nodiscard]] std::string peer_of(Slot slot) { return loop_->peer_of(slot); }
    // Whether such a header told none.
    [[nodiscard]] bool is_anonymous(Slot slot) const;
    // Of a request that is not answered yet: its connection.
    [[nodiscard]] Slot slot_of(RequestRef ref) { return pendings_[ref.index].connection; }
    [[nodiscard]] http::BlockPool& blocks() { return blocks_; }
    [[nodiscard]] http::BodyPool& bodies() { return bodies_; }
    [[nodiscard]] std::size_t body_bytes_in_use() const { return bodies_.in_use_bytes(); }

  private:
    void on_open(io::Slot slot, io::ListenerIndex listener) override;
    void on_bytes(io::Slot slot, std::span<const char> bytes) override;
    void on_end_of_stream(io::Slot slot) override;
    void on_input_checked(io::Slot slot, bool is_empty) override;
    void on_sent(io::Slot slot) override;
    void on_failed(io::Slot slot) override;
    void on_closed(io::Slot slot) override;
    void on_iteration(std::uint64_t now_ns) override;
    void on_iteration_end() override;

    [[nodiscard]] bool takes_place(io::Slot slot);
    void leave_place(io::Slot slot);
    void touch(io::Slot slot);
    void flush(io::Slot slot);
    void update_receiving(io::Slot slot);
    void resume_blocked();
    void update_timer(io::Slot slot);
    void check_input(io::Slot slot);
    void end_listening();
    void look_after_pause(std::uint64_t pause_ns);
    void give_memory_back();

    // Of a slot's connection to the loop.
    enum class Link : std::uint8_t {
        none,  // zero: the slot is free
        open,  // receives
        paused,  // open, but does not receive
        closing,  // the loop was asked to close it
    };
    // Per slot, beside the Connection: what only the server knows.
    struct SlotState {
        Link link;
        bool is_touched;  // in touched_
        bool is_blocked;  // in blocked_
        bool is_checking;  // the loop was asked whether input waits
        bool is_input_empty;  // it said no, and no bytes have come since
    };

    // Of a slot, where the connections of an address are counted. Valid as zeroed memory.
    struct Place {
        IpAddress address;
        bool is_counted;
    };

    ServerSettings settings_;
    Callbacks& callbacks_;
    http::HttpCounters counters_;
    AddressCounters address_counters_;
    LatencyHistogram iterations_;
    http::BlockPool blocks_;
    http::BodyPool bodies_;
    http::HeadPool heads_;
    http::PendingTable pendings_;
    http::ResponseRenderer renderer_;
    http::Context context_;
    LazyArray<http::Connection> connections_;
    LazyArray<SlotState> slots_;
    LazyArray<Place> places_;  // empty where they are not counted
    io::TimerWheel timers_;
    std::vector<io::Slot> touched_;  // capacity reserved for every slot
    std::vector<io::Slot> blocked_;
    std::vector<Listener> listeners_;  // empty once a drain has closed them
    std::uint64_t trim_ns_ = 0;  // when memory for bodies is given back next; 0: none is free
    bool is_trimming_ = false;  // more of what is unused is to be given back
    std::uint64_t handshakes_end_ns_ = 0;  // while draining: when those that had begun are in the backlogs; 0: not yet
    TlsLoop* tls_ = nullptr;  // loop_, if that speaks TLS
    ProxyLoop* proxy_ = nullptr;  // loop_ or the loop below TLS, if connections begin with a header
    std::unique_ptr<io::Loop> loop_;  // last: destroyed first, so that the kernel lets go of the blocks
    // open() stores loop_, release; pairs with wake(). Another server may post here before this one is open: it
    // looks for what was posted before it first sleeps.
    std::atomic<io::Loop*> open_loop_{nullptr};
};

}  // namespace sluice
