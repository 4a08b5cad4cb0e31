// Engine: makes the parts of `sluice serve`, wires them, and takes them down in order. Used by main, on its thread.
//
// Order of a stop (docs/drain.md; the phases are those of stop_sequence.hpp). begin_drain(): for drain_lame_duck the
// reactors go on, and tell their clients to leave. Then they stop accepting, answer and hand over what they have, and
// the sink delivers it. begin_end(), when that is done or drain_timeout has passed: the admin thread answers what has
// arrived and ends, then the reactors, the sink, the watcher, the forwarder.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/admin/admin_thread.hpp"
#include "engine/admin/readiness.hpp"
#include "engine/config/config.hpp"
#include "engine/core/check.hpp"
#include "engine/dead_letters/dead_letters.hpp"
#include "engine/delivery/sink_thread.hpp"
#include "engine/forward/forwarder.hpp"
#include "engine/idempotency/idempotency_table.hpp"
#include "engine/ingest/engine_state.hpp"
#include "engine/runtime/access_files.hpp"
#include "engine/runtime/listeners.hpp"
#include "engine/runtime/live_settings.hpp"
#include "engine/runtime/reactor.hpp"
#include "engine/runtime/tenants_keeper.hpp"
#include "engine/runtime/tls_keeper.hpp"
#include "engine/tenants/failures.hpp"
#include "engine/tenants/sha256.hpp"
#include "engine/tenants/tenant_quotas.hpp"
#include "engine/watch/watcher.hpp"

namespace sluice {

class Engine {
  public:
    // Makes all parts and reserves their memory. Connects and listens to nothing yet.
    explicit Engine(config::Config config, AccessFiles access = {});
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    struct StartError {
        std::string sentence;
        bool is_io_uring_unavailable = false;
    };
    // Returns when every reactor listens. After an error the engine is good for destruction only.
    // Once. After an error, threads that have started go on until the destructor ends them.
    [[nodiscard]] std::expected<void, StartError> start();

    // Samples of all reactors since the start, or since the last POST /reset.
    struct Report {
        std::uint64_t received = 0;
        std::uint64_t accepted = 0;
        // Confirmed by the journal; 0 without one. Survives the end of the process.
        std::uint64_t journaled = 0;
        // Confirmed by the sink, and behind a journal by Redis: then also samples that an earlier engine left there.
        std::uint64_t delivered = 0;
        std::uint64_t rejected = 0;
        std::uint64_t dropped = 0;
        std::uint64_t undelivered = 0;  // left in the journal, or lost
        std::uint64_t lost = 0;  // accepted, and only in memory when time was up
        bool is_conserved = true;
        bool is_complete = true;  // false: a reactor did not answer
    };
    // Whether there is anything that a running engine reads again.
    [[nodiscard]] bool can_reload() const { return tls_.is_on() || tenants_.is_on(); }
    // Reads it again: the certificates, and the tenants. What comes of it is logged.
    void reload();
    // While it serves: does what is due, and returns when it wants to be called next (monotonic; 0: at any time).
    [[nodiscard]] std::uint64_t keep_house();
    // begin_drain() is about to be called.
    void announce_drain() { state_.is_draining.store(true, std::memory_order_relaxed); }
    // Begins to stop. Returns at once; main calls continue_drain() again and again, until drain_ns_max() has passed.
    void begin_drain();
    // Does what is due. Returns whether all reactors are done.
    // With a journal in front of Redis: all is in the journal. The forwarder may still be behind.
    [[nodiscard]] bool continue_drain();
    [[nodiscard]] std::uint64_t drain_ns_max() const { return config_.drain_lame_duck_ns + config_.drain_timeout_ns; }
    // Begins to end all threads, whatever is undelivered. Once. Returns at once: some end only when a connection
    // attempt, a look-up of a name or the forwarder's own drain has ended. main polls has_ended().
    void begin_end();
    [[nodiscard]] bool has_ended() const { return has_ended_.load(std::memory_order_acquire); }
    // At any time after start(); exact once has_ended(). Before that the reactors are asked, for a second at most.
    [[nodiscard]] Report report();
    // begin_end(), and waits for the end.
    [[nodiscard]] Report stop();

    [[nodiscard]] const config::Config& config() const { return config_; }

  private:
    // The way back from the sink to the reactors. On the sink's thread.
    class Port final : public sinks::CompletionPort {
      public:
        explicit Port(const std::vector<std::unique_ptr<Reactor>>& reactors) : reactors_(reactors) {}
        void settle(Batch& batch, Settlement settlement) override {
            CHECK(batch.reactor_index() < reactors_.size());
            reactors_[batch.reactor_index()]->settle(batch, settlement);
        }

      private:
        // Filled by make_parts(), before any thread runs; not changed afterwards.
        const std::vector<std::unique_ptr<Reactor>>& reactors_;
    };

    void make_parts();
    void remake_parts();
    void stop_accepting();
    [[nodiscard]] std::expected<void, StartError> start_parts();
    void want_end();
    void await_end();
    void end_threads();
    [[nodiscard]] std::uint64_t admin_patience_ns() const;
    [[nodiscard]] std::expected<void, StartError> load_tls();
    void publish();
    void add_subscribers();
    [[nodiscard]] std::expected<void, StartError> open_loops();
    [[nodiscard]] std::expected<void, io::LoopError> try_loops();
    [[nodiscard]] std::vector<ReactorPort*> reactor_ports() const;
    [[nodiscard]] std::expected<void, StartError> open_sink();
    [[nodiscard]] std::expected<void, StartError> start_admin();
    [[nodiscard]] std::expected<void, StartError> start_reactors();
    void tell_journal_apart(Report& report) const;
    void log_listening() const;
    void log_tls() const;
    void log_metrics_listeners() const;
    void log_open_addresses() const;
    void log_open_listeners() const;

    // Destroyed from the last to the first, when all threads have ended: the admin parts before the reactors that they
    // ask, the reactors before the sink, to whose queue their batchers refer.
    bool was_started_ = false;
    std::uint64_t lame_duck_end_ns_ = 0;  // monotonic; 0: there is no lame duck now
    std::uint64_t drain_end_ns_ = 0;  // monotonic; 0: there was no drain
    config::Config config_;
    const bool is_backend_automatic_;
    const std::optional<tenants::Digest> admin_token_;  // nothing: the admin pages need none
    const std::unique_ptr<tenants::Failures> failures_;  // shared by the reactors and the admin thread
    const std::unique_ptr<tenants::SharedQuotas> quotas_;  // shared by the reactors; null: there are no tenants
    // Shared by the reactors; null: an address may have any number.
    const std::unique_ptr<AddressConnections> connections_;
    const std::unique_ptr<tenants::AddressQuotas> address_quotas_;  // likewise; null: addresses have no quota
    Listeners listeners_{config_};  // outlives the threads that accept
    EngineState state_;
    const std::unique_ptr<dead_letters::DeadLetters> letters_;  // null: there are no tenants; shared by the reactors
    TlsKeeper tls_{config_};
    TenantsKeeper tenants_;
    Publisher publisher_;  // of what a reload changes
    std::unique_ptr<watch::Watcher> watcher_;  // null: Redis is not watched
    std::unique_ptr<IdempotencyTable> idempotency_;  // null: none; shared by the reactors
    Port port_{reactors_};
    // Null: no journal in front of Redis. Outlives the sink that tells it.
    std::unique_ptr<forward::Forwarder> forwarder_;
    std::unique_ptr<SinkThread> sink_;
    std::vector<std::unique_ptr<Reactor>> reactors_;
    std::unique_ptr<Readiness> readiness_;
    std::unique_ptr<AdminService> admin_service_;
    std::unique_ptr<AdminThread> admin_;
    std::thread ender_;  // made at the start; runs end_threads() after begin_end()
    std::atomic<bool> is_end_wanted_{false};  // begin_end() stores, release; pairs with await_end()
    std::atomic<bool> has_ended_{false};  // ender_ stores, release; pairs with has_ended()
};

}  // namespace sluice
